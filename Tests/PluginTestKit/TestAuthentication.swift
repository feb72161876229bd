import Host
package import PluginAPI
import Synchronization

/// Knows the tokens that a test gave out.
package final class TestAuthenticator: Authenticator {
    private let principals = Mutex<[String: Principal]>([:])

    package init() {}

    /// Makes a token for a principal.
    package func token(for principal: Principal) -> String {
        let token = "test-\(principal.kind.rawValue)-\(PercentEncoding.encode(principal.id))"
        principals.withLock { $0[token] = principal }
        return token
    }

    package func principal(for request: Request) async throws -> Principal? {
        let bearer = request.headers["Authorization"].flatMap { value in
            value.hasPrefix("Bearer ") ? String(value.dropFirst("Bearer ".count)) : nil
        }
        guard let token = bearer ?? request.headers["X-API-Key"] else { return nil }
        guard let principal = principals.withLock({ $0[token] }) else {
            throw HTTPError(.unauthorized, "auth.invalid_token", "The token is not valid.")
        }
        return principal
    }
}

/// The rules of ``Access``; a test says whether open surfaces are open.
package final class TestAccess: AccessChecking {
    private let isOpen: Mutex<Bool>

    package init(openSurfaces: Bool = true) {
        isOpen = Mutex(openSurfaces)
    }

    /// What the operator's `auth.open_surfaces` amounts to.
    package var openSurfaces: Bool {
        get { isOpen.withLock { $0 } }
        set { isOpen.withLock { $0 = newValue } }
    }

    package func check(_ access: Access, _ principal: Principal?, _ request: Request) throws(HTTPError) {
        let policy = AccessPolicy(openSurfaces: openSurfaces ? .always : .never, allListenersAreLoopback: false)
        try policy.check(access, principal, request)
    }
}

/// Seals nothing: what it makes can be read, but looks sealed.
package struct TestSecrets: SecretSealing {
    package init() {}

    package func seal(_ secret: Secret) throws -> String {
        secret.withExposed { "test0:" + PercentEncoding.encode(String($0.reversed())) }
    }

    package func open(_ sealed: String) throws -> Secret {
        guard sealed.hasPrefix("test0:") else { throw TestHostError("not a sealed text") }
        return Secret(String(PercentEncoding.decode(sealed.dropFirst("test0:".count)).reversed()))
    }
}

/// What is wrong with a test's set-up.
package struct TestHostError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
