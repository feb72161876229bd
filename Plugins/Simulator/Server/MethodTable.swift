internal import PluginAPI

/// Collects routes so that every path answers every method as the real server does.
struct MethodTable {
    typealias Handler = @Sendable (Request) async throws -> Response

    private struct Route {
        var handlers: [HTTPMethod: (summary: String, handler: Handler)] = [:]
    }

    private static let methods: [HTTPMethod] = [.get, .post, .put, .patch, .delete]

    private var order: [String] = []
    private var routes: [String: Route] = [:]

    /// Adds a route that exists once.
    mutating func add(_ method: HTTPMethod, _ path: String, _ summary: String, _ handler: @escaping Handler) {
        if routes[path] == nil { order.append(path) }
        routes[path, default: Route()].handlers[method] = (summary, handler)
    }

    /// Adds a route that exists as it is and below `/api`.
    mutating func addTwice(_ method: HTTPMethod, _ path: String, _ summary: String, _ handler: @escaping Handler) {
        add(method, path, summary, handler)
        add(method, "/api" + path, summary, handler)
    }

    /// Declares all of them, and what the other methods of their paths answer.
    func declare(in group: inout RouteGroup) {
        for path in order {
            guard let route = routes[path] else { continue }
            for method in Self.methods {
                let known = route.handlers[method]
                let handler = known?.handler ?? Self.refusal(of: method, route.handlers.keys)
                let docs = OperationDocs(known?.summary ?? "Is refused.", published: known != nil)
                declare(method, path, docs, handler, in: &group)
            }
            declare(
                .options, path, OperationDocs("Answers 200.", published: false), { _ in Answer.empty() }, in: &group)
        }
        for method in Self.methods {
            let handler = Self.refusal(of: method, [HTTPMethod]())
            declare(method, "/{rest...}", OperationDocs("Unknown path.", published: false), handler, in: &group)
        }
        declare(
            .options, "/{rest...}", OperationDocs("Answers 200.", published: false), { _ in Answer.empty() }, in: &group
        )
    }

    private func declare(
        _ method: HTTPMethod, _ path: String, _ docs: OperationDocs, _ handler: @escaping Handler,
        in group: inout RouteGroup
    ) {
        // Handlers read the parameters from the request: their number differs by path.
        switch path.split(separator: "{").count - (path.hasPrefix("{") ? 0 : 1) {
        case 0: group.on(method, path, docs: docs) { request in try await handler(request) }
        case 1: group.on(method, path, String.self, docs: docs) { request, _ in try await handler(request) }
        default:
            group.on(method, path, String.self, String.self, docs: docs) { request, _, _ in try await handler(request) }
        }
    }

    /// GET falls through to the static files and finds nothing; other methods meet a path that has GET at least.
    private static func refusal(of method: HTTPMethod, _ known: some Collection<HTTPMethod>) -> Handler {
        guard method != .get else { return { _ in Answer.unknownPath } }
        var names = Set(known.map(\.rawValue)).union(["GET", "HEAD"])
        if !known.contains(.get), known.isEmpty { names = ["GET", "HEAD"] }
        let allowed = names.sorted().joined(separator: ",")
        return { _ in Answer.methodNotAllowed(allowed) }
    }
}
