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

    /// The usual text, such as `10.0.0.8` or `fd00::1`.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
}
