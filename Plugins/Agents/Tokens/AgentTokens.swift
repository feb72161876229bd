import PluginAPI

/// Makes and checks the tokens of agents (`spec/agents.md` §2).
struct AgentTokens: Sendable {
    /// The keys.
    let keys: KeySource
    /// Tokens that pass every check of ownership; empty unless the development switch is on.
    let debugTokens: [Secret]
    /// Tells when tokens end.
    let clock: any TimeSource
    /// Signs.
    let cryptography: any Cryptography
    /// Is told of each use of a debug token.
    let logger: Logger

    /// A token and when it ends.
    struct Issued: Sendable {
        /// The token.
        let token: Secret
        /// When it ends, in whole seconds.
        let expiresAt: Timestamp
    }

    /// Makes a token for an agent, or for one of its tasks.
    ///
    /// - Parameters:
    ///   - since: When the agent was added: an older token would not be its own, whatever the wall clock says now.
    ///   - expiresAt: When it ends; cut to whole seconds.
    /// - Throws: ``HTTPError`` 503 before the keys are loaded.
    func issue(
        agentID: String, taskID: String? = nil, nonce: String? = nil, since: Timestamp? = nil,
        until expiresAt: Timestamp
    ) throws(HTTPError) -> Issued {
        let ring = try keys.current
        let now = clock.wallClock
        let seconds = expiresAt.milliseconds / 1000
        let claims = AgentClaims(
            agentID: agentID, taskID: taskID, scope: taskID == nil ? .agent : .task, nonce: nonce ?? randomNonce(),
            issuedAt: max(now, since ?? now).milliseconds / 1000, expiresAt: seconds)
        let token = JSONWebToken.sign(
            claims.json, keyID: ring.signing.id, key: ring.signing.secret, by: cryptography)
        return Issued(token: Secret(token), expiresAt: Timestamp(milliseconds: seconds * 1000))
    }

    /// 32 hex digits that nobody can guess.
    func randomNonce() -> String { Hex.encode(cryptography.randomBytes(16)) }

    /// Checks a token; `nil` for a debug token.
    ///
    /// - Parameter isLate: Whether a token counts whose time is over.
    /// - Throws: ``HTTPError`` 401 `AGENT_TOKEN_INVALID`, `AGENT_TOKEN_KID_REQUIRED`, `AGENT_TOKEN_KID_INVALID`,
    ///   `AGENT_TOKEN_EXPIRED`, `AGENT_TOKEN_PAYLOAD_INVALID`; 403 `AGENT_TOKEN_SCOPE_INVALID` for a scope that there is not.
    func claims(of text: String, isLate: Bool = false) throws(HTTPError) -> AgentClaims? {
        if isDebugToken(text) {
            logger.warning("a debug token was used: no check of ownership was made")
            return nil
        }
        guard let token = JSONWebToken(text) else { throw HTTPError(.tokenInvalid) }
        let key = try keys.current.key(for: token.keyID)
        guard token.isSigned(with: key, by: cryptography) else { throw HTTPError(.tokenInvalid) }
        return try AgentClaims(token.claims, now: isLate ? nil : clock.wallClock)
    }

    /// Looks at all of them, so that the time says nothing.
    private func isDebugToken(_ text: String) -> Bool {
        let given = Secret(text)
        var isOne = false
        for token in debugTokens where token == given { isOne = true }
        return isOne
    }

    /// The token of a request: `Authorization: Bearer`, in any case.
    ///
    /// - Throws: ``HTTPError`` 401 `AGENT_TOKEN_REQUIRED`.
    static func bearer(of request: Request) throws(HTTPError) -> String {
        let value = (request.headers["authorization"] ?? "").trimmed
        let scheme = value.prefix { !$0.isWhitespace }
        let token = value.dropFirst(scheme.count).trimmed
        guard HTTPFields.same(String(scheme), "bearer"), !token.isEmpty else { throw HTTPError(.tokenRequired) }
        return token
    }
}
