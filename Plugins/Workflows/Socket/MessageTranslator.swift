import ComfyUI
import PluginAPI

/// Turns a server's messages into those of seed 004.
enum MessageTranslator {
    /// The message for a client; `nil` for one that seed 004 does not have.
    ///
    /// The end of a prompt (`executing` without a node) is told by `result`, and the queue's length by the daemon.
    static func translate(_ type: String, _ data: JSON, of promptID: String) -> SocketMessage? {
        switch type {
        case "executing":
            guard let node = data["node"]?.stringValue else { return nil }
            return message(type, promptID, ["node": .string(node)])
        case "progress":
            guard let value = data["value"], let maximum = data["max"] else { return nil }
            var parts: JSONObject = ["value": value, "max": maximum]
            if let node = data["node"], !node.isNull { parts["node"] = node }
            return message(type, promptID, parts)
        case "executed":
            guard let node = data["node"] else { return nil }
            return message(type, promptID, ["node": node, "output": data["output"] ?? [:]])
        case "execution_error":
            return executionError(data, of: promptID)
        default:
            return nil
        }
    }

    /// What is told of a node that failed; `data` as in ComfyUI's message of that name, or in a history entry.
    static func executionError(_ data: JSON, of promptID: String) -> SocketMessage {
        var parts: JSONObject = [
            "message": data["exception_message"] ?? "The workflow failed.",
            "code": .string(V1Code.execution.rawValue),
        ]
        for key in ["node_id", "node_type", "exception_type", "traceback"] { parts[key] = data[key] }
        return message("execution_error", promptID, parts)
    }

    private static func message(_ type: String, _ promptID: String, _ data: JSONObject) -> SocketMessage {
        var data = data.standard
        data["prompt_id"] = .string(promptID)
        return SocketMessage(type, data)
    }
}
