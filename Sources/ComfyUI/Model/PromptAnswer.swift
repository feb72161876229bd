public import PluginAPI

/// The answer to `POST /prompt` with status 200.
public struct PromptAnswer: Sendable {
    /// The whole answer, as it came.
    public let body: JSONObject

    /// Takes an answer.
    public init(_ body: JSONObject) {
        self.body = body
    }

    /// The id the server uses; trust it, because old servers ignore the one they were given.
    ///
    /// `nil` when it gave none.
    public var promptID: String? { body["prompt_id"]?.stringValue }
    /// The number in the server's queue; 0 when it gave none.
    public var number: JSON {
        guard let number = body["number"], number.numberValue?.isFinite ?? false else { return 0 }
        return number
    }
    /// Outputs that were dropped because they do not validate; `{}` when all are fine.
    public var nodeErrors: JSON {
        guard let errors = body["node_errors"], errors.objectValue != nil else { return [:] }
        return errors
    }
}
