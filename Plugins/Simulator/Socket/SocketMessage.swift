internal import PluginAPI

/// Makes the messages of the WebSocket.
enum SocketMessage {
    /// `{"type", "data"}`, printed as Python does.
    static func event(_ type: String, _ data: JSON) -> WebSocketMessage {
        .text((["type": .string(type), "data": data] as JSON).text(.spaced))
    }

    /// The number of jobs that are not finished; `sid` only in the first message of a connection.
    static func status(remaining: Int, sid: String? = nil) -> WebSocketMessage {
        var data: JSONObject = ["status": queue(remaining)]
        if let sid { data["sid"] = .string(sid) }
        return event("status", .object(data))
    }

    /// The object that `GET /prompt` shows too.
    static func queue(_ remaining: Int) -> JSON {
        ["exec_info": ["queue_remaining": .number(JSONNumber(remaining))]]
    }

    /// A preview for clients that did not ask for more (binary type 1, format 2: PNG).
    static func preview(_ png: [UInt8]) -> WebSocketMessage {
        .binary(word(1) + word(2) + png)
    }

    /// A preview that names its node and prompt (binary type 4).
    static func preview(_ png: [UInt8], node: String, shownAs shown: String, prompt: String) -> WebSocketMessage {
        let parent: JSON = node == shown ? .null : .string(shown)
        let metadata: JSON = [
            "node_id": .string(node), "prompt_id": .string(prompt), "display_node_id": .string(shown),
            "parent_node_id": parent, "real_node_id": .string(shown), "image_type": "image/png",
        ]
        let bytes = metadata.serialized(.spaced)
        return .binary(word(4) + word(bytes.count) + bytes + png)
    }

    /// A text of a node (binary type 3).
    static func text(_ text: String, node: String) -> WebSocketMessage {
        .binary(word(3) + word(node.utf8.count) + Array(node.utf8) + Array(text.utf8))
    }

    private static func word(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
