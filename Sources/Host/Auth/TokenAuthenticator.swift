package import PluginAPI

/// Tells who makes a request by the token it carries.
package struct TokenAuthenticator: Authenticator {
    private let verifiers: [any TokenVerifier]
    private let brake: FailureBrake
    private let trustedProxies: Set<String>

    /// Makes an authenticator that asks these verifiers in order; the first that knows the token decides.
    ///
    /// Failures behind one of the `trustedProxies` (IP addresses) count for the client that it names.
    package init(
        verifiers: [any TokenVerifier], brake: FailureBrake = FailureBrake(), trustedProxies: [String] = []
    ) {
        self.verifiers = verifiers
        self.brake = brake
        self.trustedProxies = Set(trustedProxies)
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
        let address = clientAddress(of: request)
        try brake.check(address)
        if !token.isEmpty, let principal = try await judge(token) { return principal }
        brake.noteFailure(address)
        request.logger.info("refused a token", ["remote": address])
        throw HTTPError(
            .unauthorized, "auth.invalid_token", "The token is wrong, expired or revoked.",
            headers: ["WWW-Authenticate": #"Bearer realm="comfyd""#])
    }

    /// The nearest address that is no trusted proxy: anything further left in `X-Forwarded-For` may be made up.
    private func clientAddress(of request: Request) -> String {
        guard trustedProxies.contains(request.remoteAddress) else { return request.remoteAddress }
        let hops = request.headers.values(for: "x-forwarded-for").joined(separator: ",").split(separator: ",")
        for hop in hops.reversed() {
            let address = String(hop.drop { $0 == " " }.prefix { $0 != " " })
            if !trustedProxies.contains(address) { return address }
        }
        return request.remoteAddress
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
