import COpenSSL
package import PluginAPI

/// Signatures and randomness for plugins.
package struct OpenSSLCryptography: Cryptography {
    /// Makes it; it has no state.
    package init() {}

    package func hmacSHA256(_ message: [UInt8], key: Secret) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        let made = key.withExposed { text -> Bool in
            let bytes = Array(text.utf8)
            // An empty key is given as one byte that does not count: OpenSSL takes a null key for "the last one".
            return HMAC(
                EVP_sha256(), bytes.isEmpty ? [0] : bytes, Int32(clamping: bytes.count), message, message.count,
                &digest, &length) != nil
        }
        precondition(made && length == 32, "OpenSSL has no HMAC-SHA-256")
        return digest
    }

    package func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }

    package func randomBytes(_ count: Int) -> [UInt8] { RandomID.bytes(count) }

    package func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool { ConstantTime.areEqual(left, right) }
}
