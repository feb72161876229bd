/// What plugins need to make and check signatures; the host's OpenSSL does the work.
public protocol Cryptography: Sendable {
    /// The 32 bytes of HMAC-SHA-256 (RFC 2104).
    func hmacSHA256(_ message: [UInt8], key: Secret) -> [UInt8]
    /// The 32 bytes of SHA-256 (FIPS 180-4).
    func sha256(_ bytes: [UInt8]) -> [UInt8]
    /// Bytes that nobody can guess.
    func randomBytes(_ count: Int) -> [UInt8]
    /// Whether both have the same bytes, in a time that depends on their lengths alone.
    func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool
}

/// What a context has that no host made.
struct NoCryptography: Cryptography {
    func hmacSHA256(_ message: [UInt8], key: Secret) -> [UInt8] { missing() }
    func sha256(_ bytes: [UInt8]) -> [UInt8] { missing() }
    func randomBytes(_ count: Int) -> [UInt8] { missing() }
    func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool { missing() }

    private func missing() -> Never { preconditionFailure("this context was made without cryptography") }
}
