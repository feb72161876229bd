/// Documents one answer of a route that is no error of its surface: 201, 304, or a 503 with a body of its own.
public struct AnswerDoc: Sendable {
    /// The status code.
    public var status: Int
    /// When it comes.
    public var help: String
    /// The JSON schema of its body, `nil` when it has none; `contentMediaType` at its top says when it is not JSON.
    public var schema: JSON?
    /// Header fields of its own.
    public var headers: [HeaderDoc]

    /// Documents an answer.
    public init(_ status: Int, _ help: String, schema: JSON? = nil, headers: [HeaderDoc] = []) {
        self.status = status
        self.help = help
        self.schema = schema
        self.headers = headers
    }
}

/// Documents one header field of an answer.
public struct HeaderDoc: Sendable {
    /// The field's name.
    public var name: String
    /// What it says.
    public var help: String
    /// The JSON schema of its value.
    public var schema: JSON

    /// Documents a header field.
    public init(_ name: String, _ help: String, schema: JSON = ["type": "string"]) {
        self.name = name
        self.help = help
        self.schema = schema
    }
}
