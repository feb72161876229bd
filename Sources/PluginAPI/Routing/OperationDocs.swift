/// A route's part of `/openapi.json`; a string literal is its summary.
public struct OperationDocs: Sendable, ExpressibleByStringLiteral {
    /// One sentence.
    public var summary: String
    /// More than one sentence, Markdown.
    public var description: String
    /// The query parameters.
    public var query: [QueryDoc]
    /// The JSON schema of the request body.
    public var body: JSON?
    /// The JSON schema of the answer with status 200.
    public var returns: JSON?
    /// Error statuses a caller should expect, with the reason.
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
