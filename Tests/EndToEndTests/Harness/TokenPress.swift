import PluginAPI
import Testing

/// Makes tokens that a daemon would not make, with openssl: another program than the daemon's own.
struct TokenPress {
    /// The keys of the daemon, as `AGENT_JWT_SECRETS` has them; with two of them a token has to name its key.
    static let keys = "main:\(secret),second:another secret of 32 bytes or more"

    private static let secret = "the first secret of tests: 32 bytes"
    private let folder: TemporaryDirectory

    /// - Throws: ``TimedOut`` when there is no room for files.
    init() throws {
        folder = try TemporaryDirectory()
    }

    /// The claims of a token that is good for an hour.
    static func claims(agent: String, task: String?, nonce: String, expiresAt: Int) -> JSONObject {
        [
            "agent_id": .string(agent), "task_id": task.map { .string($0) } ?? .null,
            "scope": task == nil ? "agent" : "task", "nonce": .string(nonce), "iat": 0,
            "exp": .number(JSONNumber(expiresAt)),
        ]
    }

    /// Signs claims.
    ///
    /// - Throws: what `openssl` reports.
    func token(
        _ claims: JSONObject, header: JSON = ["alg": "HS256", "typ": "JWT", "kid": "main"], isSigned: Bool = true
    ) async throws -> String {
        let text = [header, .object(claims)].map { Base64.encodeURL($0.serialized(.compact)) }.joined(separator: ".")
        let file = try folder.write("signed", text)
        let secret = isSigned ? Self.secret : "some other secret than the daemon's"
        let result = try await run("openssl", ["dgst", "-sha256", "-hmac", secret, file])
        let digits = result.output.trimmed.split(separator: " ").last ?? ""
        let signature = try #require(Hex.decode(digits.utf8), "\(result)")
        try #require(signature.count == 32, "\(result)")
        return "\(text).\(Base64.encodeURL(signature))"
    }
}
