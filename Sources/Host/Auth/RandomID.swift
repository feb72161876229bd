import COpenSSL
import PluginAPI

/// Values that nobody can guess.
package enum RandomID {
    /// Random bytes fit for keys.
    package static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, count))
        let code = RAND_bytes(&bytes, Int32(clamping: bytes.count))
        precondition(code == 1, "the system has no randomness")
        return bytes
    }

    /// A random UUID in lower case (RFC 9562 §5.4).
    package static func uuid() -> String {
        var bytes = bytes(16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { Hex.encode(bytes[$0]) }.joined(separator: "-")
    }
}
