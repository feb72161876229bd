public import PluginAPI

extension ComfyClient {
    /// Hands over a prompt: a whole body of `POST /prompt`, as bytes.
    ///
    /// Never repeat it blindly: the server does not compare ids, so it would run twice.
    ///
    /// - Throws: ``PromptRefusal`` when the server refused the graph in its own words; ``ComfyServerError`` for other
    ///   statuses, of which 500 does not tell whether the prompt was queued; ``HTTPClientError``.
    public func submit(_ body: [UInt8]) async throws -> PromptAnswer {
        let answer = try await send(.post, "/prompt", body: body)
        let bytes = try await answer.body.collect(upTo: Self.answerLimit)
        guard answer.status == .ok else {
            guard let refusal = Self.refusal(answer.status, bytes) else {
                throw ComfyServerError(status: answer.status, body: bytes)
            }
            throw refusal
        }
        guard let object = try Self.parse(bytes).objectValue else {
            throw ComfyServerError(problem: "the answer to a prompt is no object")
        }
        return PromptAnswer(object)
    }

    private static func refusal(_ status: Status, _ bytes: [UInt8]) -> PromptRefusal? {
        guard (400..<500).contains(status.code), let body = try? parse(bytes), let error = body["error"],
            error.objectValue != nil
        else { return nil }
        return PromptRefusal(status: status, error: error, nodeErrors: body["node_errors"] ?? [:])
    }

    /// Reads the queue.
    ///
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func queue() async throws -> QueueSnapshot {
        try Self.snapshot(try await json("/queue"))
    }

    /// Reads the ids in the queue, which takes much less work than ``queue()``.
    ///
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func queueOutline() async throws -> QueueOutline {
        let bytes = try await bytes("/queue")
        if let outline = QueueOutline(scanning: bytes) { return outline }
        return QueueOutline(try Self.snapshot(try Self.parse(bytes)))
    }

    private static func snapshot(_ body: JSON) throws -> QueueSnapshot {
        guard body["queue_running"]?.arrayValue != nil, body["queue_pending"]?.arrayValue != nil else {
            throw ComfyServerError(problem: "the answer of /queue has no queue_running and queue_pending")
        }
        return QueueSnapshot(body)
    }

    /// Reads the history entry of a prompt; `nil` while it is unfinished, and when the server does not know it.
    ///
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func history(_ promptID: String) async throws -> HistoryEntry? {
        let bytes = try await bytes("/history/\(PercentEncoding.encode(promptID))")
        if let entry = HistoryEntry(of: promptID, scanning: bytes) { return entry }
        let body = try Self.parse(bytes)
        guard let entry = body[promptID], entry.objectValue != nil else { return nil }
        return HistoryEntry(entry)
    }

    /// Reads a part of the history: entries by prompt id, the oldest first.
    ///
    /// - Parameters:
    ///   - maxItems: How many at most.
    ///   - offset: Where the part begins, from the oldest; `nil` means at the newest ones.
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func histories(maxItems: Int, offset: Int?) async throws -> JSONObject {
        let body = try await json("/history?max_items=\(maxItems)" + (offset.map { "&offset=\($0)" } ?? ""))
        guard let entries = body.objectValue else {
            throw ComfyServerError(problem: "the answer of /history is no object")
        }
        return entries
    }

    /// Reads the newest history entries, the oldest of them first.
    ///
    /// - Parameter limit: The largest answer that is read, in bytes.
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func histories(newest count: Int, limit: Int) async throws -> [(promptID: String, entry: HistoryEntry)] {
        let bytes = try await bytes("/history?max_items=\(count)", limit: limit)
        if let entries = HistoryEntry.list(scanning: bytes) { return entries }
        guard let entries = try Self.parse(bytes).objectValue else {
            throw ComfyServerError(problem: "the answer of /history is no object")
        }
        return entries.filter { $0.value.objectValue != nil }.map { ($0.key, HistoryEntry($0.value)) }
    }

    /// Reads `GET /system_stats`: versions, devices and memory.
    ///
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func systemStats() async throws -> JSON {
        try await json("/system_stats")
    }

    /// Removes waiting prompts from the queue; ids that do not wait are ignored.
    ///
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func deleteFromQueue(_ promptIDs: [String]) async throws {
        try await command("/queue", ["delete": .array(promptIDs.map { .string($0) })])
    }

    /// Removes prompts from the history; ids that are not there are ignored.
    ///
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func deleteFromHistory(_ promptIDs: [String]) async throws {
        try await command("/history", ["delete": .array(promptIDs.map { .string($0) })])
    }

    /// Interrupts a prompt if it is the running one.
    ///
    /// Old servers ignore the id and interrupt whatever runs: look at the queue first.
    ///
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``.
    public func interrupt(_ promptID: String) async throws {
        try await command("/interrupt", ["prompt_id": .string(promptID)])
    }

    /// Fetches a file; the answer is the server's own (200, 206, 304, 400, 404, 416 …) and its body streams.
    ///
    /// - Throws: ``HTTPClientError``, `CancellationError`.
    public func view(_ file: FileReference, headers: HTTPFields = [:]) async throws -> ClientResponse {
        var items = [(name: "filename", value: file.filename), (name: "type", value: file.type)]
        if !file.subfolder.isEmpty { items.append((name: "subfolder", value: file.subfolder)) }
        for option in file.options.sorted(by: { $0.key < $1.key }) {
            items.append((name: option.key, value: option.value))
        }
        return try await send(.get, "/view?\(QueryItems(items).encoded)", headers: headers)
    }
}
