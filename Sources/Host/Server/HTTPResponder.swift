package import PluginAPI

/// What the HTTP server asks for each request; implemented by the router.
package protocol HTTPResponder: Sendable {
    /// Answers a request. Runs as a task that prefers the connection's loop. All errors are already rendered.
    func respond(to request: Request) async -> ServerReply
    /// Renders a refusal that the server itself decides before or instead of ``respond(to:)``,
    /// such as 400, 408, 413, 431 or 503, in the dialect of the request's path.
    func refusal(_ error: HTTPError, for request: Request) -> Response
}

/// What the server does with a request.
package enum ServerReply: Sendable {
    /// Sends an answer; for `HEAD` the server sends its header alone.
    case response(Response)
    /// Answers 101 and hands the connection to the closure, whose end closes it.
    case upgrade(WebSocketAcceptance, run: @Sendable (any WebSocket) async -> Void)
}
