public import PluginAPI

extension SingleServerBackend {
    /// How old the last look may be when somebody asks for a prompt.
    private static let freshness = Duration.seconds(1)
    /// How many results are listed unless told otherwise, and at most.
    private static let longestList = 1000

    /// What is known of a prompt now; the server is asked when that may be out of date, or nothing is known.
    ///
    /// - Throws: ``HTTPClientError``, ``ComfyServerError`` when the server does not tell about one that is not known here.
    public func job(_ promptID: String) async throws -> PromptJob? {
        guard let known = board[promptID], known.handOver != .doubtful else {
            return try await watch.find(promptID)?.job(on: contact.server)
        }
        if isOutdated(known), let absent = try? await watch.look(), absent.contains(promptID) {
            await watch.settle(promptID)
        }
        return board.job(promptID)
    }

    /// Whether a look would tell more: events tell when a prompt begins and ends, but not its place in the queue.
    private func isOutdated(_ prompt: ServerPrompt) -> Bool {
        guard !prompt.state.isFinal, !prompt.isCollecting, prompt.handOver == .taken else { return false }
        let isWatched = contact.connectedSince != nil
        guard prompt.state == .submitted || !isWatched else { return false }
        return prompt.position == nil && isWatched || !contact.looked(within: Self.freshness)
    }

    /// The history entry of a prompt that has ended, in memory or from the server.
    ///
    /// - Throws: ``HTTPClientError``, ``ComfyServerError``.
    public func history(_ promptID: String) async throws -> JSON? {
        guard let prompt = board[promptID], prompt.handOver != .doubtful else {
            return try await watch.find(promptID)?.entryValue
        }
        guard prompt.state.isFinal else { return nil }
        if let entry = prompt.entryValue { return entry }
        let idOnServer = prompt.idOnServer
        guard let entry = try await watch.ask({ try await $0.history(idOnServer) }) else { return nil }
        return try JSON(parsing: entry.text(promptID: promptID, clientID: prompt.clientID), options: .python)
    }

    /// The newest prompts of a WebSocket id; those of others, and those that ended long ago, are not among them.
    public func prompts(ofClient clientID: String, limit: Int) async throws -> [PromptJob] {
        await watch.takeUpIfPossible()
        return board.jobs(ofClient: clientID, limit: limit)
    }

    /// The events of a prompt.
    ///
    /// - Throws: ``HTTPError`` 404 when nobody knows it; ``HTTPClientError``, ``ComfyServerError``.
    public func follow(_ promptID: String) async throws -> AsyncStream<PromptEvent> {
        if let stream = board.follow(promptID) { return stream }
        guard let prompt = try await watch.find(promptID) else {
            throw HTTPError(.notFound, "comfyui.unknown_prompt", "No prompt of this id is known.")
        }
        // Somebody else's is looked at from now on, until it ends.
        if !prompt.state.isFinal { _ = board.insert(prompt) }
        if let stream = board.follow(promptID) { return stream }
        let job = prompt.job(on: contact.server)
        return AsyncStream { continuation in
            continuation.yield(.state(job))
            continuation.finish()
        }
    }

    /// The events of the prompts of a WebSocket id.
    public func follow(client clientID: String) async throws -> AsyncStream<ClientPromptEvent> {
        board.follow(client: clientID)
    }

    /// The server's history; of one caller, its part of the newest thousand entries.
    ///
    /// - Throws: ``HTTPClientError``, ``ComfyServerError``.
    public func histories(_ range: HistoryRange) async throws -> JSONObject {
        let limit = max(0, min(range.maxItems ?? Self.longestList, Self.longestList))
        let isPart = range.caller != nil
        let (asked, offset) = (isPart ? Self.longestList : limit, isPart ? nil : range.offset)
        let entries = try await watch.ask { try await $0.histories(maxItems: asked, offset: offset) }
        var shown: [(String, JSON)] = []
        for (id, value) in entries {
            let extra = value["prompt"]?[3]?.objectValue ?? [:]
            let mark = PromptMark(extra, identity: watch.identity)
            guard range.caller == nil || range.caller == mark?.caller else { continue }
            let promptID = mark?.promptID ?? id
            shown.append((promptID, Self.shown(value, promptID, extra)))
        }
        let start = isPart ? range.offset.map { max(0, $0) } : nil
        let part = start.map { shown.dropFirst($0).prefix(limit) } ?? shown.suffix(limit)
        return JSONObject(Array(part))
    }

    private static func shown(_ entry: JSON, _ promptID: String, _ extra: JSONObject) -> JSON {
        guard var parts = entry["prompt"]?.arrayValue, parts.count > 3 else { return entry }
        var extra = extra
        extra.hidePrivateKeys(clientID: PromptMark.shownClientID(extra))
        parts[1] = .string(promptID)
        parts[3] = .object(extra)
        var entry = entry
        entry["prompt"] = .array(parts)
        return entry
    }
}

extension ServerPrompt {
    /// The history entry as a value, if it is in memory.
    var entryValue: JSON? { entry.flatMap { try? JSON(parsing: $0, options: .python) } }
}
