import PluginAPI

/// A route with everything that serving it takes, found once per table.
final class BoundRoute: Sendable {
    typealias Handler = @Sendable (Request) async throws -> Response

    /// What runs, middleware included.
    enum Action: Sendable {
        case respond(Handler)
        case upgrade(UpgradeAction)
    }

    let template: String
    let access: Access
    let surface: Surface
    let action: Action
    let gate: PluginGate
    let metrics: RouteMetrics
    let cors: CORSRule
    /// Whether an answer needs no token whatever the operator says.
    let isOpen: Bool
    /// Whether a call without a token may pass.
    let mayBeOpen: Bool

    init(_ route: Route, gate: PluginGate, metrics: RouteMetrics, openCORS: CORSRule, protectedCORS: CORSRule) {
        let declaration = route.declaration
        template = declaration.template
        access = declaration.access
        surface = declaration.surface ?? .native
        isOpen = access == .open
        mayBeOpen = access == .open || access.isOfSurface
        cors = mayBeOpen ? openCORS : protectedCORS
        self.gate = gate
        self.metrics = metrics
        switch declaration.action {
        case .respond(let handler):
            action = .respond(Self.chain(declaration.middleware, handler))
        case .upgrade(let accept, let run):
            action = .upgrade(UpgradeAction(middleware: declaration.middleware, accept: accept, run: run))
        @unknown default:
            action = .respond { _ in
                throw HTTPError(.notImplemented, "http.not_implemented", "This server cannot serve this route.")
            }
        }
    }

    /// Wraps a handler in middleware, the first outermost.
    static func chain(_ middleware: [any Middleware], _ handler: @escaping Handler) -> Handler {
        middleware.reversed().reduce(handler) { next, middleware in
            { request in try await middleware.handle(request, next: next) }
        }
    }
}
