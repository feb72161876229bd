import PluginAPI

/// Turns whatever a handler throws into an answer.
enum ErrorRendering {
    /// The status that a log shows for a client that went away; nobody reads the answer.
    static let clientGone = Status(499)

    /// The HTTP form of an error, `nil` when the client went away.
    static func httpError(_ error: any Error) -> HTTPError? {
        if let error = error as? HTTPError { return error }
        if let error = error as? any HTTPErrorConvertible { return error.httpError }
        if error is CancellationError { return nil }
        return HTTPError(.internalServerError, "internal", "Internal Server Error", cause: error)
    }

    /// Renders an error in a dialect; the error's header fields are added, and its status where the dialect set none.
    static func response(_ error: HTTPError, _ surface: Surface, _ request: Request) -> Response {
        var response = surface.render(error, request)
        if response.status.code < 400 { response.status = error.status }
        for field in error.headers.fields where !response.headers.contains(field.name) {
            response.headers.append(field.name, field.value)
        }
        return response
    }

    /// Logs what a person should know: defects as errors, failures of others as warnings, and causes, which are never sent.
    static func log(_ error: HTTPError, _ request: Request, route: String) {
        let code = error.status.code
        let level: LogLevel = code == 500 ? .error : code > 500 && error.cause != nil ? .warning : .debug
        request.logger.log(
            level, level == .error ? "a request failed" : "a request was refused",
            ["method": request.method.rawValue, "route": route, "error": error.description])
    }
}
