/// The one error type that becomes an HTTP answer, rendered in the dialect of the surface it happens on.
public struct HTTPError: Error, Sendable, CustomStringConvertible {
    /// The status code.
    public var status: Status
    /// A stable machine-readable code, `area.reason`.
    public var code: String
    /// A sentence for a person; safe to show to a stranger.
    public var message: String
    /// Data for machines, such as ComfyUI's `error` and `node_errors`.
    public var details: JSON?
    /// Extra header fields, such as `Retry-After` or `WWW-Authenticate`.
    public var headers: HTTPFields
    /// What led to it; logged, never sent.
    public var cause: (any Error)?

    /// Makes an error.
    public init(
        _ status: Status, _ code: String, _ message: String, details: JSON? = nil, headers: HTTPFields = [:],
        cause: (any Error)? = nil
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers
        self.cause = cause
    }

    /// Status, code and message on one line, and the cause.
    public var description: String {
        "\(status) \(code): \(message)" + (cause.map { " (\($0))" } ?? "")
    }

    /// 404 for a path that has no route.
    public static var notFound: HTTPError { HTTPError(.notFound, "http.not_found", "Not Found") }

    /// 413 naming the limit.
    public static func bodyTooLarge(limit: Int) -> HTTPError {
        HTTPError(.contentTooLarge, "http.body_too_large", "The body is larger than \(limit) bytes.")
    }

    /// 422 naming the place of a value that is missing or of the wrong type.
    public static func badBody(_ error: DecodingError) -> HTTPError {
        let (path, problem): ([any CodingKey], String) =
            switch error {
            case .keyNotFound(let key, let context): (context.codingPath + [key], "Field required")
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context.codingPath, context.debugDescription)
            @unknown default: ([], "\(error)")
            }
        let place = path.map { $0.intValue.map { .number(JSONNumber($0)) } ?? JSON.string($0.stringValue) }
        return invalid([(["body"] + place, problem)])
    }

    /// 422 with a list of problems, each with its place (`["body", "weight"]`), as FastAPI words it.
    public static func invalid(_ problems: [(place: [JSON], message: String)]) -> HTTPError {
        let list = problems.map { problem -> JSON in
            .object(["type": "value_error", "loc": .array(problem.place), "msg": .string(problem.message)])
        }
        let words = problems.map { problem in
            let place = problem.place.map { $0.stringValue ?? $0.text() }.joined(separator: ".")
            return "\(place): \(problem.message)"
        }
        return HTTPError(
            .unprocessableContent, "http.bad_body", words.joined(separator: "; "), details: .array(list))
    }
}

/// A feature's own error that knows its HTTP form; mapped in one place beside the error.
public protocol HTTPErrorConvertible: Error {
    /// The HTTP form.
    var httpError: HTTPError { get }
}

/// The dialect of one family of clients: how errors look on a set of paths (`spec/errors.md` §1).
public struct Surface: Sendable {
    /// A short name, used in `comfyd routes` and as OpenAPI tag.
    public let name: String
    /// Renders an error; the host adds the error's headers and `X-Request-Id`, and its status where the answer's is none of
    /// an error (400…999).
    public let render: @Sendable (HTTPError, Request) -> Response
    /// The JSON schema of the bodies that ``render`` makes; without it `/openapi.json` says nothing of them.
    public let errorSchema: JSON?

    /// Makes a dialect.
    public init(name: String, render: @escaping @Sendable (HTTPError, Request) -> Response) {
        self.name = name
        self.render = render
        errorSchema = nil
    }

    /// Makes a dialect with a description of its errors.
    public init(
        name: String, errorSchema: JSON, render: @escaping @Sendable (HTTPError, Request) -> Response
    ) {
        self.name = name
        self.render = render
        self.errorSchema = errorSchema
    }

    /// The host's own dialect: `{"detail", "error", "status_code", "code", "request_id"}`.
    public static let native = Surface(name: "native", errorSchema: nativeSchema) { error, request in
        var body: JSONObject = [
            "detail": error.code == "http.bad_body" ? error.details ?? .string(error.message) : .string(error.message),
            "error": .string(error.message), "status_code": .number(JSONNumber(error.status.code)),
            "code": .string(error.code), "request_id": .string(request.id),
        ]
        if error.code != "http.bad_body", let details = error.details { body["details"] = details }
        return .json(.object(body), status: error.status)
    }

    private static let nativeSchema: JSON = [
        "type": "object",
        "properties": [
            "detail": [:], "error": ["type": "string"], "status_code": ["type": "integer"],
            "code": ["type": "string"], "request_id": ["type": "string"], "details": [:],
        ],
        "required": ["detail", "error", "status_code", "code", "request_id"],
    ]
}
