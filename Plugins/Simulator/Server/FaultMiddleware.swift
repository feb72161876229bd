internal import PluginAPI

/// Stands before every imitated route: the faults that were asked for, Basic authentication, and Python's exceptions.
struct FaultMiddleware: Middleware {
    let server: SimulatedServer

    func handle(_ request: Request, next: @Sendable (Request) async throws -> Response) async throws -> Response {
        let (settings, isExited) = server.withState { ($0.settings, $0.isExited) }
        if isExited || settings.down { return Answer.nothing(.serviceUnavailable) }
        if settings.answerDelay > .zero { try await server.clock.sleep(for: settings.answerDelay) }
        guard settings.admits(request) else {
            return Response(
                status: .unauthorized,
                headers: ["WWW-Authenticate": "Basic realm=\"ComfyUI\"", "Content-Type": "text/plain; charset=utf-8"],
                body: .bytes(Array("401: Unauthorized".utf8)))
        }
        // The router overlooks a slash at the end, the real server does not.
        let path = request.path
        if path == "/api" || (path.hasSuffix("/") && path != "/" && path != "/api/") {
            return request.method == .get ? Answer.unknownPath : Answer.methodNotAllowed("GET,HEAD")
        }
        do {
            return try await next(request)
        } catch is PythonError {
            return Answer.exception
        } catch let error as HTTPError where error.status == .contentTooLarge {
            return Answer.tooLarge
        }
    }
}

extension SimulatorConfiguration {
    /// Whether a request brings the user name and password that are asked for.
    func admits(_ request: Request) -> Bool {
        guard !user.isEmpty else { return true }
        let parts = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, HTTPFields.same(String(parts[0]), "basic"), let given = Base64.decode(parts[1]) else {
            return false
        }
        let wanted = password.withExposed { "\(user):\($0)" }
        return Secret(String(decoding: given, as: UTF8.self)) == Secret(wanted)
    }
}
