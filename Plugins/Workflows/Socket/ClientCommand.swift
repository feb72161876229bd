import PluginAPI

/// A message of a WebSocket client of seed 004.
enum ClientCommand: Sendable {
    /// `submit`: run a workflow; `reference` is the client's own word for it.
    case submit(workflow: JSON, reference: JSON?)
    /// `ping`.
    case ping
    /// `interrupt`: end a prompt.
    case interrupt(promptID: String)
    /// `subscribe`: tell about a prompt of another client id too.
    case subscribe(promptID: String)
    /// Anything else, and why.
    case wrong(HTTPError, reference: JSON?)

    /// Reads a message.
    init(_ message: WebSocketMessage) {
        let options = JSONParseOptions(maximumDepth: BodyForm.deepestV1)
        guard case .text(let text) = message, let value = try? JSON(parsing: text, options: options),
            value.objectValue != nil
        else {
            self = .wrong("The message is not a JSON object.")
            return
        }
        guard let type = value["type"]?.stringValue else {
            self = .wrong("The message has no type.")
            return
        }
        if type == "ping" {
            self = .ping
            return
        }
        let data = value["data"] ?? [:]
        guard ["submit", "interrupt", "subscribe"].contains(type) else {
            self = .wrong("Unknown type of message: \(type.prefix(Self.longestEcho)).")
            return
        }
        guard data.objectValue != nil else {
            self = .wrong("The data of \(type) must be an object.")
            return
        }
        self = type == "submit" ? .submission(data) : .aboutPrompt(type, data)
    }

    /// The most characters of a type that an answer repeats.
    private static let longestEcho = 100

    private static func submission(_ data: JSON) -> ClientCommand {
        guard let workflow = data["workflow"], !WorkflowCheck.isEmpty(workflow) else {
            let error = HTTPError(.badRequest, .validation, "The workflow must not be empty.")
            return .wrong(error, reference: data["client_ref"])
        }
        return .submit(workflow: workflow, reference: data["client_ref"])
    }

    private static func aboutPrompt(_ type: String, _ data: JSON) -> ClientCommand {
        guard let promptID = data["prompt_id"]?.stringValue, !promptID.isEmpty else {
            return .wrong("\(type) needs a prompt_id.")
        }
        return type == "interrupt" ? .interrupt(promptID: promptID) : .subscribe(promptID: promptID)
    }

    private static func wrong(_ message: String) -> ClientCommand {
        .wrong(HTTPError(.badRequest, .webSocket, message), reference: nil)
    }
}
