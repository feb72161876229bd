import PluginAPI

/// Turns what goes wrong on the way to a ComfyUI server into 502, and a refused graph into 400 with `node_errors`.
struct UpstreamErrors: Middleware {
    func handle(_ request: Request, next: @Sendable (Request) async throws -> Response) async throws -> Response {
        do {
            return try await next(request)
        } catch let error as HTTPClientError {
            throw HTTPError.unreachable(error)
        } catch let refusal as PromptRefusal {
            var error = refusal.httpError
            error.details = ["node_errors": refusal.nodeErrors, "comfyui_error": refusal.error]
            throw error
        }
    }
}

extension HTTPError {
    /// 502 `comfyui.unreachable`.
    static func unreachable(_ error: HTTPClientError) -> HTTPError {
        HTTPError(.badGateway, "comfyui.unreachable", "The ComfyUI server cannot be reached.", cause: error)
    }
}
