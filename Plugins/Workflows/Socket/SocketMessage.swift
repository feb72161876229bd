import PluginAPI

/// A message to a WebSocket client of seed 004: `{"type", "data"}`.
struct SocketMessage: Sendable, Equatable {
    /// One of the eight types of the seed, or `pong`.
    let type: String
    /// The content.
    var data: JSONObject
    /// The prompt whose end this message tells, once and for all.
    var endOf: String?

    /// Makes a message.
    init(_ type: String, _ data: JSONObject) {
        self.type = type
        self.data = data
    }

    /// The text of the frame.
    var text: String {
        JSON.object(["type": .string(type), "data": .object(data)]).text()
    }

    static func == (left: SocketMessage, right: SocketMessage) -> Bool {
        left.type == right.type && left.endOf == right.endOf && JSON.object(left.data) == JSON.object(right.data)
    }
}

extension SocketMessage {
    /// The first message of a connection.
    ///
    /// - Parameter open: The client's prompts that have not ended.
    static func connected(clientID: String, open: [String]) -> SocketMessage {
        SocketMessage(
            "system",
            [
                "message": "Connected.", "client_id": .string(clientID),
                "prompt_ids": .array(open.map { .string($0) }),
            ])
    }

    /// A notice.
    static func system(_ message: String, promptID: String? = nil) -> SocketMessage {
        var data: JSONObject = ["message": .string(message)]
        if let promptID { data["prompt_id"] = .string(promptID) }
        return SocketMessage("system", data)
    }

    /// A notice that what the client sent could not be done.
    static func problem(_ error: HTTPError, promptID: String? = nil) -> SocketMessage {
        var message = system(error.message, promptID: promptID)
        message.data["code"] = .string(V1Code.of(error))
        if let details = error.details { message.data["detail"] = details }
        return message
    }

    /// How many prompts run or wait, in ComfyUI's form; `sid` in the first one of a connection.
    static func status(remaining: Int, sid: String? = nil) -> SocketMessage {
        var data: JSONObject = [
            "status": ["exec_info": ["queue_remaining": .number(JSONNumber(remaining))]]
        ]
        if let sid { data["sid"] = .string(sid) }
        return SocketMessage("status", data)
    }

    /// The answer to a submission that was refused.
    static func refused(_ error: HTTPError) -> SocketMessage {
        SocketMessage("execution_error", problem(error).data)
    }

    /// The end of a prompt.
    static func result(_ promptID: String, _ result: WorkflowResult) -> SocketMessage {
        var message = SocketMessage(
            "result",
            [
                "prompt_id": .string(promptID), "success": .bool(result.status == .completed),
                "outputs": result.outputs, "error": result.error.map { .string($0) } ?? .null,
            ])
        message.endOf = promptID
        return message
    }

    /// The end of a prompt that was executed for too long, as far as the client is concerned.
    static func timedOut(_ promptID: String, after timeout: Duration) -> SocketMessage {
        var message = SocketMessage(
            "result",
            [
                "prompt_id": .string(promptID), "success": false, "outputs": [:],
                "error": .string("The workflow was executed for longer than \(Int(timeout.inSeconds)) seconds."),
                "code": .string(V1Code.timeout.rawValue),
            ])
        message.endOf = promptID
        return message
    }

    /// The answer to `ping`.
    static func pong(_ time: Timestamp) -> SocketMessage {
        SocketMessage("pong", ["timestamp": .number(JSONNumber(Double(time.milliseconds) / 1000))])
    }

    /// With what the client gave to recognise the answer by.
    func echoing(_ reference: JSON?) -> SocketMessage {
        guard let reference else { return self }
        var message = self
        message.data["client_ref"] = reference
        return message
    }
}
