import Host
import PluginAPI

@testable import Agents

/// Makes tokens that the daemon would not make.
enum TokenForge {
    static let secret = Secret("a secret of tests that has 32 bytes")
    /// A configuration with that secret alone.
    static let configuration: JSON = ["jwt_secrets": "main:a secret of tests that has 32 bytes"]
    static let header: JSON = ["alg": "HS256", "typ": "JWT", "kid": "main"]

    /// A token of any header and claims, signed with HS256.
    static func token(_ claims: JSON, header: JSON = header, key: Secret = secret) -> String {
        sign(Base64.encodeURL(header.serialized(.compact)) + "." + Base64.encodeURL(claims.serialized(.compact)), key)
    }

    /// Signs what need not be a token.
    static func sign(_ text: String, _ key: Secret = secret) -> String {
        text + "." + Base64.encodeURL(OpenSSLCryptography().hmacSHA256(Array(text.utf8), key: key))
    }

    /// The claims of a task's token.
    static func claims(_ task: AgentTask, until seconds: Int64 = 4_000_000_000) -> JSONObject {
        AgentClaims(
            agentID: task.agentID, taskID: task.id, scope: .task, nonce: task.nonce, issuedAt: 0, expiresAt: seconds
        ).json
    }
}
