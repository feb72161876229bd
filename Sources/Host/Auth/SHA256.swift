import COpenSSL

/// The hash function of FIPS 180-4.
package enum SHA256 {
    /// The 32 bytes that stand for any number of bytes.
    package static func hash(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let input = Array(bytes)
        var digest = [UInt8](repeating: 0, count: 32)
        let code = EVP_Digest(input, input.count, &digest, nil, Algorithm.shared.sha256, nil)
        precondition(code == 1, "OpenSSL has no SHA-256")
        return digest
    }

    /// ``hash(_:)`` of a text's UTF-8.
    package static func hash(_ text: String) -> [UInt8] {
        hash(text.utf8)
    }
}

/// The algorithm, looked up once; OpenSSL never changes it afterwards and lets all threads use it.
private struct Algorithm: @unchecked Sendable {
    static let shared = Algorithm()
    let sha256 = EVP_MD_fetch(nil, "SHA256", nil)
}

/// Compares secrets in a time that depends on their lengths alone.
package enum ConstantTime {
    /// Whether both have the same bytes.
    package static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
