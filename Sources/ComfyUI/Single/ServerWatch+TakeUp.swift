import PluginAPI
import Synchronization

extension ServerWatch {
    /// How many of the newest results are looked through for those of prompts from before a restart of the daemon.
    private static let takenUpResults = 200

    /// Learns once which prompts of ours the server has from before a restart of the daemon.
    ///
    /// - Throws: ``HTTPClientError``, ``ComfyServerError`` when the server does not tell its queue.
    func takeUp() async throws {
        guard !isTakenUp.load(ordering: .acquiring) else { return }
        try await takingUp.run { [self] in
            guard !isTakenUp.load(ordering: .acquiring) else { return }
            let queue = try await ask { try await $0.queue() }
            // The oldest first, as they become known in the order of their submission.
            do {
                let results = try await ask { try await $0.histories(maxItems: Self.takenUpResults, offset: nil) }
                for (id, entry) in results { adopt(id, HistoryEntry(entry)) }
            } catch {
                context.logger.warning("results from before the start are not known", ["error": "\(error)"])
            }
            for item in queue.running { adopt(item, .running) }
            for item in queue.pending { adopt(item, .submitted) }
            isTakenUp.store(true, ordering: .releasing)
            if board.openCount > 0 {
                context.logger.notice("unfinished jobs taken up", ["jobs": "\(board.openCount)"])
            }
        }
    }

    /// ``takeUp()``, unless the server does not answer; then what is known here is all there is.
    func takeUpIfPossible() async {
        guard contact.problem == nil || !contact.looked(within: Self.absence) else { return }
        try? await takeUp()
    }

    /// Makes a prompt in the server's queue known, if it is ours.
    ///
    /// - Returns: our id of it; `nil` when it is somebody else's.
    @discardableResult
    func adopt(_ item: QueueItem, _ state: JobState) -> String? {
        guard let mark = PromptMark(item.extraData, identity: identity) else { return nil }
        var prompt = ServerPrompt(mark, idOnServer: item.promptID, state: state, nodeCount: item.nodeCount)
        prompt.number = item.raw[0]
        _ = board.insert(prompt)
        return mark.promptID
    }

    /// Makes a result known, if it is ours.
    ///
    /// - Returns: our id of it; `nil` when it is somebody else's.
    @discardableResult
    func adopt(_ idOnServer: String, _ entry: HistoryEntry) -> String? {
        guard let mark = PromptMark(entry.extraData ?? [:], identity: identity) else { return nil }
        var prompt = ServerPrompt(mark, idOnServer: idOnServer, state: .running, nodeCount: 0)
        prompt.end(entry, shown: entry.text(promptID: mark.promptID, clientID: mark.clientID))
        if case .known(let known) = board.insertEnded(prompt), !known.state.isFinal {
            finish(mark.promptID, with: entry)
        }
        return mark.promptID
    }

    /// Asks the server for a prompt that is not known here; one of ours is known afterwards.
    ///
    /// - Returns: the prompt; `nil` when the server does not know it either.
    /// - Throws: ``HTTPClientError``, ``ComfyServerError``.
    func find(_ promptID: String) async throws -> ServerPrompt? {
        // In a path some would be steps.
        guard PromptID.isUsable(promptID) else { return nil }
        // First the queue, because a prompt goes from there to the history; the ids alone are quickly read.
        let queue = try await readQueue()
        if queue.running.contains(promptID) || queue.pending.contains(promptID) {
            let snapshot = try await ask { try await $0.queue() }
            if let item = snapshot.running.first(where: { $0.promptID == promptID }) {
                return known(adopt(item, .running)) ?? ServerPrompt(item, .running, position: nil)
            }
            if let index = snapshot.pending.firstIndex(where: { $0.promptID == promptID }) {
                let item = snapshot.pending[index]
                return known(adopt(item, .submitted)) ?? ServerPrompt(item, .submitted, position: index + 1)
            }
        }
        guard let entry = try await ask({ try await $0.history(promptID) }) else { return nil }
        return known(adopt(promptID, entry)) ?? ServerPrompt(foreign: promptID, entry)
    }

    private func known(_ promptID: String?) -> ServerPrompt? { promptID.flatMap { board[$0] } }
}

extension QueueItem {
    /// The item's `extra_data`; empty when it has none.
    var extraData: JSONObject { raw[3]?.objectValue ?? [:] }
    /// How many nodes the graph has.
    var nodeCount: Int { raw[2]?.objectValue?.count ?? 0 }
    /// When it was submitted, as newer servers note.
    var createdAt: Timestamp? {
        extraData["create_time"]?.intValue.map { Timestamp(milliseconds: Int64($0)) }
    }

    /// The item as callers see it: our id, the caller's client id, no keys to paid services.
    func shown(as promptID: String) -> JSON {
        guard var parts = raw.arrayValue, parts.count > 3 else { return raw }
        var extra = extraData
        extra.hidePrivateKeys(clientID: PromptMark.shownClientID(extra))
        parts[1] = .string(promptID)
        parts[3] = .object(extra)
        return .array(parts)
    }
}

extension ServerPrompt {
    /// Somebody else's prompt in the server's queue.
    fileprivate init(_ item: QueueItem, _ state: JobState, position: Int?) {
        self.init(
            foreign: item.promptID, clientID: PromptMark.shownClientID(item.extraData), createdAt: item.createdAt,
            state: state, nodeCount: item.nodeCount)
        self.position = position
        number = item.raw[0]
    }

    /// Somebody else's prompt that has ended.
    fileprivate init(foreign promptID: String, _ entry: HistoryEntry) {
        let extra = entry.extraData ?? [:]
        let clientID = PromptMark.shownClientID(extra)
        self.init(foreign: promptID, clientID: clientID, createdAt: nil, state: .running, nodeCount: 0)
        end(entry, shown: entry.text(promptID: promptID, clientID: clientID))
    }
}
