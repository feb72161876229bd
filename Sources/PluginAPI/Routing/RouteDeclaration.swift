/// A declared route; the host's router, `comfyd routes` and OpenAPI are made from these.
public struct RouteDeclaration: Sendable {
    /// What runs when the route matches.
    public enum Action: Sendable {
        /// An ordinary handler, path parameters still as text in the request.
        case respond(@Sendable (Request) async throws -> Response)
        /// An upgrade to WebSocket: the first closure accepts or throws, the second owns the connection until it returns.
        case upgrade(
            accept: @Sendable (Request) async throws -> WebSocketAcceptance,
            run: @Sendable (Request, any WebSocket) async throws -> Void)
    }

    /// Whether the path belongs to this plugin alone.
    public enum Ownership: Sendable {
        /// Two claims of one path and method are a configuration error that names both plugins.
        case claimed
        /// Used only while no enabled plugin claims the path (`spec/errors.md` §5).
        case yielding
    }

    /// The method; `GET` also serves `HEAD`.
    public var method: HTTPMethod
    /// The absolute template, such as `/api/task/{id}/status`; `{rest...}` as the last segment takes several.
    public var template: String
    /// The schemas of the template's parameters, in order.
    public var parameterSchemas: [JSON]
    /// The OpenAPI part.
    public var docs: OperationDocs
    /// Who may call it.
    public var access: Access
    /// The dialect of its errors; `nil` is the host's native one.
    public var surface: Surface?
    /// Outermost first.
    public var middleware: [any Middleware]
    /// Claimed or yielding.
    public var ownership: Ownership
    /// What runs.
    public var action: Action
}
