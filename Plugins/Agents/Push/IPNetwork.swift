import PluginAPI

/// A range of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
struct IPNetwork: Sendable, Hashable {
    private let address: IPAddress
    private let length: Int

    /// Reads `10.0.0.0/8`, `fd00::/8`, or one address.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)), parts.count <= 2 else { return nil }
        self.address = address
        let most = address.bytes.count * 8
        guard parts.count == 2 else {
            length = most
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]), length <= most
        else { return nil }
        self.length = length
    }

    /// Whether an address is in it.
    func contains(_ other: IPAddress) -> Bool {
        guard address.bytes.count == other.bytes.count else { return false }
        var left = length
        for (one, another) in zip(address.bytes, other.bytes) where left > 0 {
            let bits = UInt8(truncatingIfNeeded: 0xFF00 >> min(left, 8))
            guard one & bits == another & bits else { return false }
            left -= 8
        }
        return true
    }
}
