public import PluginAPI

/// An entry of `/history`: `{"prompt", "outputs", "status", "meta"}`; it exists only once a prompt has ended.
public struct HistoryEntry: Sendable {
    /// How a prompt ended.
    public enum Outcome: Sendable, Equatable {
        /// Well.
        case success
        /// With an error; the words of the exception.
        case failure(String)
        /// Because somebody interrupted it.
        case interrupted
    }

    /// The entry as JSON text, byte for byte as it came.
    public let text: [UInt8]

    private let status: JSON?

    /// Takes an entry.
    public init(_ json: JSON) {
        text = json.serialized()
        status = json["status"]
    }

    /// Takes the text of an entry whose status is known.
    init(text: [UInt8], status: JSON?) {
        self.text = text
        self.status = status
    }

    /// The server's messages about it: `[type, data]` each.
    var messages: [JSON] { status?["messages"]?.arrayValue ?? [] }

    /// The entry as a value, made anew at each call.
    public var json: JSON {
        (try? JSON(parsing: text, options: .python)) ?? .null
    }

    /// How the prompt ended.
    ///
    /// An entry without a status is a success: old servers write none.
    public var outcome: Outcome {
        guard status?["status_str"]?.stringValue == "error" else { return .success }
        var words = "the server reported an error"
        for message in messages {
            switch message[0]?.stringValue {
            case "execution_interrupted": return .interrupted
            case "execution_error": words = Self.words(of: message[1] ?? .null) ?? words
            default: break
            }
        }
        return .failure(words)
    }

    /// The exception's text of an `execution_error`, without the white space around it.
    static func words(of data: JSON) -> String? {
        let text = data["exception_message"]?.stringValue ?? data["exception_type"]?.stringValue
        guard let text else { return nil }
        let trimmed = text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
        return trimmed.isEmpty ? data["exception_type"]?.stringValue : String(trimmed)
    }
}
