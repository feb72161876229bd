/// Who may use a route; closed by default.
public enum Access: Sendable, Equatable {
    /// Everybody, always; tokens are not looked at, and requests have no principal.
    case open
    /// Everybody while the operator's `auth.open_surfaces` says so, otherwise as ``authenticated``:
    /// for the surfaces that the seeds leave open (`/api/prompt` and its kin).
    case openSurface
    /// Any known principal.
    case authenticated
    /// The administrator.
    case admin
    /// The administrator, or a principal with this scope.
    case scope(String)
    /// Everybody while the operator's `auth.open_surfaces` says so, otherwise as ``scope(_:)``: for the parts of an
    /// open surface that not every key should reach.
    case surfaceScope(String)
}

/// Runs around the handlers of a group.
public protocol Middleware: Sendable {
    /// Answers by itself or calls `next`; errors travel outwards and are rendered by the host.
    func handle(_ request: Request, next: @Sendable (Request) async throws -> Response) async throws -> Response
}
