/// A route's part of `/openapi.json`; a string literal is its summary.
public struct OperationDocs: Sendable, ExpressibleByStringLiteral {
    /// One sentence.
    public var summary: String
    /// More than one sentence, Markdown.
    public var description: String
    /// The query parameters.
    public var query: [QueryDoc]
    /// The JSON schema of the request body; `contentMediaType` at its top says when it is not JSON, such as
    /// `multipart/form-data`.
    public var body: JSON?
    /// Whether a request without a body is refused.
    public var bodyIsRequired = true
    /// The JSON schema of the answer with status 200; `contentMediaType` at its top says when it is not JSON.
    public var returns: JSON?
    /// Further answers that are no errors of the surface; with a status below 300 among them and no ``returns``, there is
    /// no 200.
    public var answers: [AnswerDoc] = []
    /// Error statuses a caller should expect, with the reason; the host adds those of its own, such as 401 and 429.
    public var errors: [(status: Int, reason: String)]
    /// False keeps the route out of the document.
    public var published: Bool

    /// Documents a route.
    public init(
        _ summary: String, description: String = "", query: [QueryDoc] = [], body: JSON? = nil, returns: JSON? = nil,
        errors: [(status: Int, reason: String)] = [], published: Bool = true
    ) {
        self.summary = summary
        self.description = description
        self.query = query
        self.body = body
        self.returns = returns
        self.errors = errors
        self.published = published
    }

    /// Documents a route whose body may be left out, or that has answers besides 200.
    public init(
        _ summary: String, description: String = "", query: [QueryDoc] = [], body: JSON? = nil, bodyIsRequired: Bool,
        returns: JSON? = nil, answers: [AnswerDoc] = [], errors: [(status: Int, reason: String)] = []
    ) {
        self.init(summary, description: description, query: query, body: body, returns: returns, errors: errors)
        self.bodyIsRequired = bodyIsRequired
        self.answers = answers
    }

    /// Documents a route that has answers besides 200, or instead of it.
    public init(
        _ summary: String, description: String = "", query: [QueryDoc] = [], body: JSON? = nil, returns: JSON? = nil,
        answers: [AnswerDoc], errors: [(status: Int, reason: String)] = []
    ) {
        self.init(summary, description: description, query: query, body: body, returns: returns, errors: errors)
        self.answers = answers
    }

    /// Documents a route with its summary alone.
    public init(stringLiteral value: String) {
        self.init(value)
    }
}

/// Documents one query parameter.
public struct QueryDoc: Sendable {
    /// The parameter's name.
    public var name: String
    /// What it does.
    public var help: String
    /// Whether a request without it is refused.
    public var required: Bool
    /// Its JSON schema.
    public var schema: JSON

    /// Documents a parameter.
    public init(_ name: String, _ help: String, required: Bool = false, schema: JSON = ["type": "string"]) {
        self.name = name
        self.help = help
        self.required = required
        self.schema = schema
    }
}
