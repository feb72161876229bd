internal import Glibc

/// An address of the Internet Protocol, version 4 or 6.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// Its 4 or 16 bytes as they stand on the wire.
    public let bytes: [UInt8]

    /// Takes 4 or 16 bytes; an IPv4 address written as one of IPv6 (`::ffff:10.0.0.8`, RFC 4291 §2.5.5.2) becomes IPv4.
    public init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4: self.bytes = bytes
        case 16: self.bytes = bytes.starts(with: Self.mappedPrefix) ? Array(bytes.dropFirst(12)) : bytes
        default: return nil
        }
    }

    /// Reads `10.0.0.8` or `fd00::1`, without brackets and without a zone.
    public init?(_ text: String) {
        var version4 = in_addr()
        var version6 = in6_addr()
        if inet_pton(AF_INET, text, &version4) == 1 {
            self.init(bytes: withUnsafeBytes(of: &version4) { Array($0) })
        } else if inet_pton(AF_INET6, text, &version6) == 1 {
            self.init(bytes: withUnsafeBytes(of: &version6) { Array($0) })
        } else {
            return nil
        }
    }

    /// The IPv4 address that a translator or a tunnel would go on to from this one; `nil` when it names none.
    ///
    /// The forms are IPv4-compatible (RFC 4291 §2.5.5.1), IPv4-translated (RFC 7915), NAT64 (RFC 6052, and RFC 8215 with the
    /// address at the end), 6to4 (RFC 3056) and Teredo (RFC 4380).
    public var embedded: IPAddress? {
        // `::` and `::1` are addresses of their own.
        guard bytes.count == 16, !bytes.dropLast().allSatisfy({ $0 == 0 }) || (bytes.last ?? 0) > 1,
            let form = Self.embeddings.first(where: { bytes.starts(with: $0.prefix) })
        else { return nil }
        return IPAddress(bytes: bytes[form.place].map { form.isInverted ? ~$0 : $0 })
    }

    private static let embeddings: [(prefix: [UInt8], place: Range<Int>, isInverted: Bool)] = [
        ([UInt8](repeating: 0, count: 12), 12..<16, false),
        ([UInt8](repeating: 0, count: 8) + [0xFF, 0xFF, 0, 0], 12..<16, false),
        ([0x00, 0x64, 0xFF, 0x9B] + [UInt8](repeating: 0, count: 8), 12..<16, false),
        ([0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01], 12..<16, false),
        ([0x20, 0x02], 2..<6, false),
        ([0x20, 0x01, 0x00, 0x00], 12..<16, true),
    ]

    /// The usual text, such as `10.0.0.8` or `fd00::1`.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
}
