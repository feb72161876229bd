import PluginAPI

/// A JSON Web Token in compact form, signed with HS256 and nothing else (RFC 7515, RFC 7519, RFC 8725 §3.1).
struct JSONWebToken {
    /// What it says of itself.
    let header: JSONObject
    /// What it claims; not to be believed before ``isSigned(with:by:)``.
    let claims: JSONObject

    private let signed: [UInt8]
    private let signature: [UInt8]

    /// The longest token in bytes; ours have about 350.
    static let longest = 4096

    /// Takes a token apart; `nil` when it is none, or is not signed with HS256.
    init?(_ text: String) {
        guard text.utf8.count <= Self.longest else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            let signature = Self.bytes(parts[2]), header["alg"]?.stringValue == Self.algorithm, header["crit"] == nil,
            header["kid"].map({ $0.stringValue != nil }) ?? true
        else { return nil }
        self.header = header
        self.claims = claims
        self.signature = signature
        signed = Array("\(parts[0]).\(parts[1])".utf8)
    }

    /// The id of its key; `nil` when it names none.
    var keyID: String? { header["kid"]?.stringValue }

    /// Whether the signature is that of a key; compared in constant time.
    func isSigned(with key: Secret, by cryptography: any Cryptography) -> Bool {
        cryptography.areEqual(cryptography.hmacSHA256(signed, key: key), signature)
    }

    /// Makes a token.
    static func sign(
        _ claims: JSONObject, keyID: String, key: Secret, by cryptography: any Cryptography
    ) -> String {
        let header: JSON = ["alg": .string(algorithm), "typ": "JWT", "kid": .string(keyID)]
        let parts = [header, .object(claims)].map { Base64.encodeURL($0.serialized(.compact)) }
        let signed = parts.joined(separator: ".")
        let signature = cryptography.hmacSHA256(Array(signed.utf8), key: key)
        return "\(signed).\(Base64.encodeURL(signature))"
    }

    private static let algorithm = "HS256"

    private static func object(_ part: Substring) -> JSONObject? {
        bytes(part).flatMap { try? JSON(parsing: $0, options: JSONParseOptions(maximumDepth: 4)) }?.objectValue
    }

    /// Base64 for URLs without padding, in its one spelling (RFC 7515 §2).
    private static func bytes(_ part: Substring) -> [UInt8]? {
        guard !part.utf8.contains(where: { "+/=".utf8.contains($0) }) else { return nil }
        return Base64.decode(part)
    }
}
