package import PluginAPI
import Synchronization

/// Answers requests by the current table of routes, which may be replaced at any time.
///
/// A request keeps the table it started with. Steps: match, authenticate, middleware, handler; errors are rendered in
/// the dialect of the route's surface, or of the longest claimed prefix where there is no route.
package final class Router: HTTPResponder {
    private struct State {
        var bound: BoundTable
        var gates: [String: PluginGate] = [:]
    }

    let authenticator: any Authenticator
    /// For routes that are open at the time: wrong tokens there shall not keep right ones out elsewhere.
    let openAuthenticator: any Authenticator
    let access: any AccessChecking
    let clock: any TimeSource
    let options: RouterOptions
    let openCORS: CORSRule
    let rateLimiter: RateLimiter

    private let protectedCORS: CORSRule
    private let requestMetrics: RequestMetrics
    private let unmatched: RouteMetrics
    private let state: Mutex<State>

    /// Makes a router, by default without a route.
    ///
    /// - Parameter openAuthenticator: Asked instead on routes that are open at the time; the same by default.
    package init(
        table: RouteTable? = nil, authenticator: any Authenticator, openAuthenticator: (any Authenticator)? = nil,
        access: any AccessChecking, metrics: MetricsRegistry, clock: any TimeSource,
        options: RouterOptions = RouterOptions()
    ) {
        self.authenticator = authenticator
        self.openAuthenticator = openAuthenticator ?? authenticator
        self.access = access
        self.clock = clock
        self.options = options
        openCORS = CORSRule(origins: options.cors.openOrigins, policy: options.cors)
        protectedCORS = CORSRule(origins: options.cors.protectedOrigins, policy: options.cors)
        requestMetrics = RequestMetrics(metrics)
        rateLimiter = RateLimiter(metrics: metrics, time: clock)
        unmatched = requestMetrics.route("(none)", of: RouteTable.hostName)
        state = Mutex(State(bound: BoundTable(table: nil, routes: [])))
        if let table { replace(table) }
    }

    /// The table that new requests get.
    package var table: RouteTable? { state.withLock { $0.bound.table } }

    /// Gives new requests another table; running ones are not disturbed.
    package func replace(_ table: RouteTable) {
        let gates = state.withLock { state in
            for route in table.routes where state.gates[route.plugin] == nil {
                state.gates[route.plugin] = PluginGate()
            }
            return state.gates
        }
        let routes = table.routes.map { route in
            BoundRoute(
                route, gate: gates[route.plugin] ?? PluginGate(),
                metrics: requestMetrics.route(route.declaration.template, of: route.plugin), openCORS: openCORS,
                protectedCORS: protectedCORS)
        }
        let bound = BoundTable(table: table, routes: routes)
        // The old table is released outside of the lock.
        let old = state.withLock { state in
            let old = state.bound
            state.bound = bound
            return old
        }
        _ = old
    }

    /// Answers one request.
    package func respond(to request: Request) async -> ServerReply {
        let bound = state.withLock { $0.bound }
        let started = clock.now
        var request = request
        if let client = options.trustedProxies.client(of: request) { request.clientAddress = client }
        switch bound.match(request) {
        case .route(let index, let parameters):
            return await serve(bound.routes[index], request, parameters, started)
        case .methodNotAllowed(let allowed):
            if request.method == .options {
                return .response(finish(options(request, allowed, bound), request, nil, started, cors: nil))
            }
            let response = refusal(Self.methodNotAllowed(allowed), for: request, bound)
            return .response(finish(response, request, nil, started, cors: openCORS))
        case .notFound:
            return .response(finish(refusal(.notFound, for: request, bound), request, nil, started, cors: openCORS))
        }
    }

    /// Renders a refusal that the server itself decides, in the dialect of the request's path.
    package func refusal(_ error: HTTPError, for request: Request) -> Response {
        let bound = state.withLock { $0.bound }
        return finish(refusal(error, for: request, bound), request, nil, clock.now, cors: openCORS)
    }

    private func refusal(_ error: HTTPError, for request: Request, _ bound: BoundTable) -> Response {
        ErrorRendering.response(error, bound.surface(of: request), request)
    }

    /// Adds what every answer has, counts it and writes its log line.
    func finish(
        _ response: Response, _ request: Request, _ route: BoundRoute?, _ started: Instant, cors: CORSRule?,
        allowance: RateAllowance? = nil
    ) -> Response {
        var response = response
        allowance?.apply(to: &response.headers)
        cors?.apply(to: &response.headers, for: request)
        if !response.headers.contains("X-Request-Id") { response.headers.append("X-Request-Id", request.id) }
        record(response.status, request, route, started)
        return response
    }

    func record(_ status: Status, _ request: Request, _ route: BoundRoute?, _ started: Instant) {
        let seconds = started.duration(to: clock.now).inSeconds
        (route?.metrics ?? unmatched).count(MethodCode(request.method), status.code, seconds: seconds)
        request.logger.log(
            options.logsRequests ? .info : .debug, "answered a request",
            [
                "method": MethodCode(request.method).label, "route": route?.template ?? "(none)",
                "status": status.description, "duration.ms": Self.milliseconds(seconds),
            ])
    }

    private static func milliseconds(_ seconds: Double) -> String {
        let micros = Int((seconds * 1e6).rounded())
        let fraction = String(micros % 1000)
        return "\(micros / 1000)." + String(repeating: "0", count: max(0, 3 - fraction.count)) + fraction
    }

    private static func methodNotAllowed(_ allowed: [HTTPMethod]) -> HTTPError {
        HTTPError(
            .methodNotAllowed, "http.method_not_allowed", "Method Not Allowed",
            headers: ["Allow": allowed.map(\.rawValue).joined(separator: ", ")])
    }
}

// MARK: - Draining

extension Router {
    /// Makes new requests on a plugin's routes fail with 503 `plugin.draining`, or lets them in again.
    package func setDraining(_ isDraining: Bool, plugin: String) {
        gate(of: plugin).isDraining = isDraining
    }

    /// How many requests, streamed bodies and WebSockets of a plugin are in flight.
    package func inFlight(plugin: String) -> Int {
        gate(of: plugin).count
    }

    /// Returns when nothing of a plugin is in flight, or when the waiting task is cancelled.
    package func waitUntilIdle(plugin: String) async {
        await gate(of: plugin).waitUntilIdle()
    }

    /// Closes the WebSockets of a plugin, which might stay open for ever.
    package func closeWebSockets(plugin: String) {
        gate(of: plugin).end(.webSocket)
    }

    /// Ends the server-sent events of a plugin, or of all, which might go on for ever.
    package func endEvents(plugin: String? = nil) {
        let gates = plugin.map { [gate(of: $0)] } ?? state.withLock { Array($0.gates.values) }
        for gate in gates { gate.end(.events) }
    }

    /// Breaks off the streamed answers of a plugin.
    package func breakStreams(plugin: String) {
        gate(of: plugin).end(.stream)
    }

    private func gate(of plugin: String) -> PluginGate {
        state.withLock { state in
            if let gate = state.gates[plugin] { return gate }
            let gate = PluginGate()
            state.gates[plugin] = gate
            return gate
        }
    }
}

/// A table and its routes, ready to be served.
final class BoundTable: Sendable {
    let table: RouteTable?
    let routes: [BoundRoute]

    init(table: RouteTable?, routes: [BoundRoute]) {
        self.table = table
        self.routes = routes
    }

    func match(_ request: Request) -> RouteMatch {
        table?.match(request.method, request.target) ?? .notFound
    }

    /// The dialect of a path: of its route if it has one, else of the longest claimed prefix.
    func surface(of request: Request) -> Surface {
        if case .route(let index, _) = match(request) { return routes[index].surface }
        return table?.surface(of: request.target) ?? .native
    }
}
