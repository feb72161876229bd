package import PluginAPI

/// Tells who makes a request by the token it carries.
package struct TokenAuthenticator: Authenticator {
    private let verifiers: [any TokenVerifier]
    private let brake: FailureBrake

    /// Makes an authenticator that asks these verifiers in order; the first that knows the token decides.
    package init(verifiers: [any TokenVerifier], brake: FailureBrake = FailureBrake()) {
        self.verifiers = verifiers
        self.brake = brake
    }

    /// The caller; `nil` when there is no token.
    ///
    /// - Throws: ``HTTPError`` 401 `auth.invalid_token` when the token is wrong, expired or revoked; 429 `auth.too_many_failures` after
    ///   too many of those from one address, until then whatever the token; what keeps a verifier from judging.
    package func principal(for request: Request) async throws -> Principal? {
        let token: String
        switch PresentedToken(request.headers) {
        case .none: return nil
        case .malformed: token = ""
        case .token(let text): token = text
        }
        let address = request.clientAddress
        try brake.check(address)
        if !token.isEmpty, let principal = try await judge(token) { return principal }
        brake.noteFailure(address)
        request.logger.info("refused a token", ["remote": address])
        throw HTTPError(
            .unauthorized, "auth.invalid_token", "The token is wrong, expired or revoked.",
            headers: ["WWW-Authenticate": #"Bearer realm="comfyd""#])
    }

    private func judge(_ token: String) async throws -> Principal? {
        for verifier in verifiers {
            switch try await verifier.verify(token) {
            case .notMine: continue
            case .accepted(let principal): return principal
            case .rejected: return nil
            }
        }
        return nil
    }
}
