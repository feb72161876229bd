import PluginAPI

extension Access {
    /// Whether the operator's `auth.open_surfaces` decides if a token is needed.
    var isOfSurface: Bool {
        switch self {
        case .openSurface, .surfaceScope: true
        case .open, .authenticated, .admin, .scope: false
        @unknown default: false
        }
    }

    /// The scope that a token needs; `nil` where any will do, or none has it.
    var scope: String? {
        switch self {
        case .scope(let scope), .surfaceScope(let scope): scope
        case .open, .openSurface, .authenticated, .admin: nil
        @unknown default: nil
        }
    }

    /// A word or two for the table of routes.
    var words: String {
        switch self {
        case .open: "open"
        case .openSurface: "surface"
        case .authenticated: "token"
        case .admin: "admin"
        case .scope(let scope): "scope \(scope)"
        case .surfaceScope(let scope): "surface, scope \(scope)"
        @unknown default: "closed"
        }
    }
}
