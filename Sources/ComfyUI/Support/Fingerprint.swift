/// Tells whether two submissions of one caller are the same; not meant to withstand somebody who wants a collision.
public enum Fingerprint {
    /// 64 bits of FNV-1a over words of eight bytes, and the length, in hexadecimal.
    public static func of(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset + 8 <= buffer.count {
                hash = (hash ^ buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x0000_0100_0000_01b3
                hash ^= hash >> 29
                offset += 8
            }
            for byte in buffer[offset...] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        return String(hash, radix: 16) + "-" + String(bytes.count, radix: 16)
    }
}
