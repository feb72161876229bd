package import PluginAPI

/// Decides whether a caller may use a route.
package struct AccessPolicy: AccessChecking {
    private let isSurfaceOpen: Bool

    /// Makes a policy.
    package init(openSurfaces: OpenSurfaces, allListenersAreLoopback: Bool) {
        isSurfaceOpen = openSurfaces.isOpen(allListenersAreLoopback: allListenersAreLoopback)
    }

    /// Lets a caller through.
    ///
    /// - Throws: ``HTTPError`` 401 `auth.required` for a stranger, 403 `auth.forbidden` for a caller who may not.
    package func check(_ access: Access, _ principal: Principal?, _ request: Request) throws(HTTPError) {
        switch access {
        case .open: return
        case .openSurface:
            if !isSurfaceOpen { _ = try known(principal) }
        case .authenticated:
            _ = try known(principal)
        case .admin:
            guard try known(principal).kind == .admin else {
                throw Self.forbidden("Only the administrator may do this.", challenge: nil)
            }
        case .scope(let scope): try require(scope, principal)
        case .surfaceScope(let scope):
            if !isSurfaceOpen { try require(scope, principal) }
        @unknown default:
            throw Self.forbidden("Nobody may do this.", challenge: nil)
        }
    }

    private func require(_ scope: String, _ principal: Principal?) throws(HTTPError) {
        guard try known(principal).has(scope: scope) else {
            throw Self.forbidden("The scope \"\(scope)\" is needed.", challenge: scope)
        }
    }

    private func known(_ principal: Principal?) throws(HTTPError) -> Principal {
        guard let principal else {
            throw HTTPError(
                .unauthorized, "auth.required", "A token is needed.",
                headers: ["WWW-Authenticate": #"Bearer realm="comfyd""#])
        }
        return principal
    }

    /// RFC 6750 §3.1 lets the answer name the scope.
    private static func forbidden(_ message: String, challenge scope: String?) -> HTTPError {
        var error = HTTPError(.forbidden, "auth.forbidden", message)
        if let scope {
            error.headers["WWW-Authenticate"] =
                #"Bearer realm="comfyd", error="insufficient_scope", scope="\#(scope)""#
        }
        return error
    }

    /// Whether a listener's host can be reached from this machine only; a path is a Unix socket.
    package static func isLoopback(host: String) -> Bool {
        if host.hasPrefix("/") || host.hasPrefix("unix:") || HTTPFields.same(host, "localhost") { return true }
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        return LoopbackAddress.contains(bare)
    }
}
