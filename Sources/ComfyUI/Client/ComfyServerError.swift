public import PluginAPI

/// A ComfyUI server answered, but not as its API says.
public struct ComfyServerError: HTTPErrorConvertible, Sendable, CustomStringConvertible {
    /// The status of the answer; `nil` when the status was right and the body was not.
    public let status: Status?
    /// What is wrong; for the log, may hold words of the server.
    public let problem: String

    /// The problem without words of the server.
    public var reason: String { status.map { "status \($0)" } ?? problem }

    /// Whether a prompt may have been queued all the same: a server that fails with 500 can do both, and a proxy that
    /// answers 502 or 504 does not know.
    public var mayHaveBeenProcessed: Bool {
        guard let status else { return true }
        return status.code >= 500
    }

    /// Makes an error of an answer with the wrong status.
    public init(status: Status, body: [UInt8]) {
        self.status = status
        let words = String(decoding: body.prefix(200), as: UTF8.self)
        problem = "status \(status)" + (words.isEmpty ? "" : ": " + words.filter { !$0.isNewline })
    }

    /// Makes an error of an answer with the wrong content.
    public init(problem: String) {
        status = nil
        self.problem = problem
    }

    /// The problem.
    public var description: String { problem }

    /// 502 `comfyui.bad_answer`, without the server's words.
    public var httpError: HTTPError {
        HTTPError(
            .badGateway, "comfyui.bad_answer",
            "The ComfyUI server gave an unexpected answer" + (status.map { " (status \($0))." } ?? "."), cause: self)
    }
}
