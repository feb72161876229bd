import Glibc

/// The addresses 127.0.0.0/8 (RFC 1122 §3.2.1.3) and ::1 (RFC 4291 §2.5.3).
enum LoopbackAddress {
    /// Whether a numeric address is one of them, in any of its forms; false for names.
    static func contains(_ address: String) -> Bool {
        var version4 = in_addr()
        if inet_pton(AF_INET, address, &version4) == 1 { return UInt32(bigEndian: version4.s_addr) >> 24 == 127 }
        var version6 = in6_addr()
        guard inet_pton(AF_INET6, address, &version6) == 1 else { return false }
        return withUnsafeBytes(of: version6) { bytes in
            let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
            if isMapped { return bytes[12] == 127 }
            return bytes.prefix(15).allSatisfy { $0 == 0 } && bytes[15] == 1
        }
    }
}
