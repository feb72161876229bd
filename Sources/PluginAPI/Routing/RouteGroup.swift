/// Collects the routes below one prefix; access, surface and middleware apply to the whole group, whatever the order inside.
public struct RouteGroup {
    /// The absolute prefix, without trailing slash; empty at the root.
    public let prefix: String
    /// The routes declared so far.
    public private(set) var routes: [RouteDeclaration] = []

    private let access: Access
    private let surface: Surface?
    private let middleware: [any Middleware]
    private let ownership: RouteDeclaration.Ownership

    /// Makes a group; plugins get theirs from ``PluginSetup``.
    public init(
        prefix: String, access: Access = .authenticated, surface: Surface? = nil, middleware: [any Middleware] = [],
        ownership: RouteDeclaration.Ownership = .claimed
    ) {
        self.prefix = prefix
        self.access = access
        self.surface = surface
        self.middleware = middleware
        self.ownership = ownership
    }

    /// Declares a `GET` route; each `{name}` of the path is turned into the parameter type at its place.
    public mutating func get<each P: PathParameter, R: ResponseConvertible>(
        _ path: String = "", _ parameters: repeat (each P).Type, docs: OperationDocs,
        use handler: @escaping @Sendable (Request, repeat each P) async throws -> R
    ) {
        on(.get, path, repeat each parameters, docs: docs, use: handler)
    }

    /// Declares a `POST` route.
    public mutating func post<each P: PathParameter, R: ResponseConvertible>(
        _ path: String = "", _ parameters: repeat (each P).Type, docs: OperationDocs,
        use handler: @escaping @Sendable (Request, repeat each P) async throws -> R
    ) {
        on(.post, path, repeat each parameters, docs: docs, use: handler)
    }

    /// Declares a `PUT` route.
    public mutating func put<each P: PathParameter, R: ResponseConvertible>(
        _ path: String = "", _ parameters: repeat (each P).Type, docs: OperationDocs,
        use handler: @escaping @Sendable (Request, repeat each P) async throws -> R
    ) {
        on(.put, path, repeat each parameters, docs: docs, use: handler)
    }

    /// Declares a `PATCH` route.
    public mutating func patch<each P: PathParameter, R: ResponseConvertible>(
        _ path: String = "", _ parameters: repeat (each P).Type, docs: OperationDocs,
        use handler: @escaping @Sendable (Request, repeat each P) async throws -> R
    ) {
        on(.patch, path, repeat each parameters, docs: docs, use: handler)
    }

    /// Declares a `DELETE` route.
    public mutating func delete<each P: PathParameter, R: ResponseConvertible>(
        _ path: String = "", _ parameters: repeat (each P).Type, docs: OperationDocs,
        use handler: @escaping @Sendable (Request, repeat each P) async throws -> R
    ) {
        on(.delete, path, repeat each parameters, docs: docs, use: handler)
    }

    /// Declares a route of any method.
    public mutating func on<each P: PathParameter, R: ResponseConvertible>(
        _ method: HTTPMethod, _ path: String, _ parameters: repeat (each P).Type, docs: OperationDocs,
        use handler: @escaping @Sendable (Request, repeat each P) async throws -> R
    ) {
        var schemas: [JSON] = []
        repeat schemas.append((each P).schema)
        append(
            method, path, schemas, docs,
            .respond { request in
                var reader = ParameterReader(request.pathParameters)
                return try await handler(request, repeat try reader.next((each P).self)).response(for: request)
            })
    }

    /// Declares a WebSocket route; `accept` may throw ``HTTPError`` to refuse the upgrade.
    public mutating func webSocket<each P: PathParameter>(
        _ path: String, _ parameters: repeat (each P).Type, docs: OperationDocs,
        accept: @escaping @Sendable (Request) async throws -> WebSocketAcceptance = { _ in WebSocketAcceptance() },
        use handler: @escaping @Sendable (Request, any WebSocket, repeat each P) async throws -> Void
    ) {
        var schemas: [JSON] = []
        repeat schemas.append((each P).schema)
        append(
            .get, path, schemas, docs,
            .upgrade(accept: accept) { request, socket in
                var reader = ParameterReader(request.pathParameters)
                try await handler(request, socket, repeat try reader.next((each P).self))
            })
    }

    /// Declares a group below this one; what is not given is inherited, middleware is added inside.
    public mutating func group(
        _ prefix: String, surface: Surface? = nil, access: Access? = nil, middleware: [any Middleware] = [],
        ownership: RouteDeclaration.Ownership? = nil, _ body: (inout RouteGroup) throws -> Void
    ) rethrows {
        var inner = RouteGroup(
            prefix: self.prefix + prefix, access: access ?? self.access, surface: surface ?? self.surface,
            middleware: self.middleware + middleware, ownership: ownership ?? self.ownership)
        try body(&inner)
        routes += inner.routes
    }

    /// This group with another access, for single routes:
    /// `routes[access: .surfaceScope("workers")].post("/api/workers", docs: "Adds a worker.", use: add)`.
    ///
    /// What is declared through it becomes part of this group.
    public subscript(access access: Access) -> RouteGroup {
        get {
            RouteGroup(prefix: prefix, access: access, surface: surface, middleware: middleware, ownership: ownership)
        }
        set { routes += newValue.routes }
    }

    private mutating func append(
        _ method: HTTPMethod, _ path: String, _ schemas: [JSON], _ docs: OperationDocs,
        _ action: RouteDeclaration.Action
    ) {
        routes.append(
            RouteDeclaration(
                method: method, template: prefix + path, parameterSchemas: schemas, docs: docs, access: access,
                surface: surface, middleware: middleware, ownership: ownership, action: action))
    }
}

/// Turns the path's text into the types of the handler, one after the other.
private struct ParameterReader {
    private var rest: ArraySlice<String>

    init(_ values: [String]) {
        rest = values[...]
    }

    mutating func next<P: PathParameter>(_ type: P.Type) throws -> P {
        guard let text = rest.popFirst(), let value = P(pathComponent: text) else { throw HTTPError.notFound }
        return value
    }
}
