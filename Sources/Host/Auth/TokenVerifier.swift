package import PluginAPI

/// What a verifier says of a token.
package enum TokenVerdict: Sendable, Equatable {
    /// Another verifier may know it.
    case notMine
    /// It is valid and stands for this caller.
    case accepted(Principal)
    /// It is of the verifier's kind, and wrong, expired or revoked.
    case rejected
}

/// Knows one kind of token; ``TokenAuthenticator`` asks its verifiers one after the other.
package protocol TokenVerifier: Sendable {
    /// Judges a token.
    ///
    /// - Throws: what keeps it from judging, such as ``DatabaseError``; that does not count as a failed attempt.
    func verify(_ token: String) async throws -> TokenVerdict
}

/// Knows the operator's tokens.
package struct AdminTokenVerifier: TokenVerifier {
    private let tokens: AdminToken

    /// Makes a verifier.
    package init(_ tokens: AdminToken) {
        self.tokens = tokens
    }

    package func verify(_ token: String) -> TokenVerdict {
        tokens.matches(token) ? .accepted(Principal(kind: .admin, id: "admin", name: "admin")) : .notMine
    }
}

/// Knows the API keys.
package struct APIKeyVerifier: TokenVerifier {
    private let store: APIKeyStore

    /// Makes a verifier.
    package init(_ store: APIKeyStore) {
        self.store = store
    }

    package func verify(_ token: String) async throws -> TokenVerdict {
        switch try await store.check(token) {
        case .notAKey: .notMine
        case .valid(let key): .accepted(key.principal)
        case .invalid: .rejected
        }
    }
}
