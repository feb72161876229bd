import PluginAPI
import Synchronization

/// Accepts or refuses WebSocket upgrades of one route.
struct UpgradeAction: Sendable {
    typealias Accept = @Sendable (Request) async throws -> WebSocketAcceptance
    typealias Run = @Sendable (Request, any WebSocket) async throws -> Void

    /// What became of a request.
    enum Outcome {
        /// The upgrade, and the request as middleware left it.
        case accepted(WebSocketAcceptance, Request)
        /// A middleware answered by itself.
        case answered(Response)
    }

    private let middleware: [any Middleware]
    private let accept: Accept
    let run: Run

    init(middleware: [any Middleware], accept: @escaping Accept, run: @escaping Run) {
        self.middleware = middleware
        self.accept = accept
        self.run = run
    }

    /// Asks the middleware and the route.
    ///
    /// - Throws: 426 for a request that wants no upgrade; what the route throws to refuse it.
    func decide(_ request: Request) async throws -> Outcome {
        guard Self.wantsWebSocket(request) else { throw Self.upgradeRequired }
        guard !middleware.isEmpty else { return .accepted(try await accept(request), request) }
        let accepted = AcceptedUpgrade()
        let handler = BoundRoute.chain(middleware) { request in
            let acceptance = try await accept(request)
            accepted.value.withLock { $0 = (acceptance, request) }
            return Response(status: 101)
        }
        let response = try await handler(request)
        guard response.status == 101, let (acceptance, request) = accepted.value.withLock({ $0 }) else {
            return .answered(response)
        }
        return .accepted(acceptance, request)
    }

    private static func wantsWebSocket(_ request: Request) -> Bool {
        request.headers.values(for: "Upgrade").contains { value in
            value.split(separator: ",").contains { HTTPFields.same(String($0.drop { $0 == " " }), "websocket") }
        }
    }

    private static var upgradeRequired: HTTPError {
        HTTPError(
            Status(426), "http.upgrade_required", "This path is a WebSocket.",
            headers: ["Upgrade": "websocket", "Connection": "Upgrade"])
    }
}

/// Carries an acceptance out through middleware, which only knows answers.
private final class AcceptedUpgrade: Sendable {
    let value = Mutex<(WebSocketAcceptance, Request)?>(nil)
}
