import PluginAPI

/// Turns what backends throw into the errors of seed 004.
struct V1Failures: Middleware {
    /// Hands the request on; see ``translated(_:)``.
    func handle(_ request: Request, next: @Sendable (Request) async throws -> Response) async throws -> Response {
        do {
            return try await next(request)
        } catch {
            throw Self.translated(error)
        }
    }

    /// An error as a client of seed 004 should see it: a server that cannot be reached, or that fails, is 503.
    private static func translated(_ error: any Error) -> any Error {
        if let failure = error as? HTTPClientError { return unreachable(failure) }
        if let refusal = error as? PromptRefusal {
            return refusal.status.code < 500 ? invalid(refusal) : unreachable(refusal)
        }
        guard let known = error as? HTTPError ?? (error as? any HTTPErrorConvertible)?.httpError else { return error }
        let isOurs = V1Code(rawValue: known.code) != nil
        return known.status == .badGateway && !isOurs ? unreachable(error) : known
    }

    /// The HTTP form of any error; of an unexpected one nothing is told.
    static func httpError(_ error: any Error) -> HTTPError {
        let error = translated(error)
        return error as? HTTPError
            ?? HTTPError(.internalServerError, .internal, "Internal Server Error", cause: error)
    }

    private static func unreachable(_ cause: any Error) -> HTTPError {
        HTTPError(.serviceUnavailable, .connection, "ComfyUI cannot be reached, or failed.", cause: cause)
    }

    /// 400, whatever the server's status below 500 was: the graph is wrong.
    private static func invalid(_ refusal: PromptRefusal) -> HTTPError {
        var error = refusal.httpError
        error.status = .badRequest
        error.code = V1Code.validation.rawValue
        return error
    }
}
