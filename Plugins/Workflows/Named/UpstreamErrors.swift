import PluginAPI

/// Turns what goes wrong on the way to a ComfyUI server into seed 002's statuses: 502 for a server that cannot be reached,
/// 400 for all that is the caller's doing, with `node_errors` of a refused graph.
struct UpstreamErrors: Middleware {
    func handle(_ request: Request, next: @Sendable (Request) async throws -> Response) async throws -> Response {
        do {
            return try await next(request)
        } catch let error as HTTPClientError {
            throw HTTPError.unreachable(error)
        } catch let refusal as PromptRefusal {
            var error = refusal.httpError
            error.status = .badRequest
            error.details = ["node_errors": refusal.nodeErrors, "comfyui_error": refusal.error]
            throw error
        } catch var error as HTTPError where error.status == .unprocessableContent {
            error.status = .badRequest
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
