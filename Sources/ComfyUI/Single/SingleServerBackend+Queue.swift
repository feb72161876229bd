public import PluginAPI

extension SingleServerBackend {
    /// How many ids go to the server in one request.
    private static let deletionBatch = 1000
    /// How many histories are asked for at the same time.
    private static let parallelLooks = 8

    /// The server's queue, read now.
    public func queue() async throws -> PromptQueue {
        guard let snapshot = try? await readQueue() else { return PromptQueue(unreachable: [contact.server]) }
        return PromptQueue(running: snapshot.running.map(described), pending: snapshot.pending.map(described))
    }

    /// How many prompts the server has, as it told last; those that it was given since are counted.
    public func remaining() async -> Int { contact.remaining ?? board.openCount }

    /// Cancels in the backend's own name.
    public func cancel(_ promptID: String) async throws -> Bool { try await cancel(promptID, by: "backend") }

    /// Removes a prompt from the queue, or interrupts it.
    ///
    /// - Returns: false when it had already ended, or was never seen.
    /// - Throws: ``HTTPClientError``, ``ComfyServerError`` when the server cannot be told.
    public func cancel(_ promptID: String, by actor: String) async throws -> Bool {
        let known = try await handedOver(promptID)
        if let known, known.state.isFinal { return false }
        let id = known?.idOnServer ?? promptID
        var queue = try await watch.readQueue()
        let isPending = queue.pending.contains(id)
        if isPending {
            try await watch.ask { try await $0.deleteFromQueue([id]) }
            queue = try await watch.readQueue()
        }
        if queue.running.contains(id) {
            // Its end comes as an event. Old servers interrupt whatever runs, hence the look before.
            board.update(promptID) { $0.cancelledBy = actor }
            try await watch.ask { try await $0.interrupt(id) }
            return true
        }
        if let entry = try await watch.ask({ try await $0.history(id) }) {
            watch.finish(promptID, with: entry)
            return false
        }
        guard isPending else { return false }
        remove(promptID, by: actor)
        return true
    }

    /// Removes the prompts that wait, of one caller or of all; those of others too.
    public func clearQueue(of caller: String?, by actor: String) async throws -> [QueueClearing] {
        var clearing = QueueClearing(server: contact.server)
        do {
            let pending = try await readQueue().pending.filter { item in
                caller == nil || caller == PromptMark(item.extraData, identity: watch.identity)?.caller
            }
            var waiting = pending.map(\.promptID)[...]
            while !waiting.isEmpty {
                let batch = Array(waiting.prefix(Self.deletionBatch))
                waiting = waiting.dropFirst(batch.count)
                try await watch.ask { try await $0.deleteFromQueue(batch) }
            }
            let left = try await watch.readQueue()
            let gone = Set(pending.map(\.promptID)).subtracting(left.running).subtracting(left.pending)
            clearing.removed = try await settle(gone, by: actor)
            clearing.server = contact.server
        } catch {
            clearing.server = contact.server
            clearing.problem = "The ComfyUI server did not answer as it should."
            context.logger.warning("queue not cleared", ["error": "\(error)"])
        }
        return [clearing]
    }

    /// Ends prompts that are not in the queue any more: as cancelled, unless they have run meanwhile.
    ///
    /// - Returns: how many were removed.
    private func settle(_ ids: Set<String>, by actor: String) async throws -> Int {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            var removed = 0
            var running = 0
            for id in ids {
                if running >= Self.parallelLooks {
                    if try await group.next() ?? false { removed += 1 }
                    running -= 1
                }
                running += 1
                group.addTask {
                    let promptID = self.board.ownID(of: id)
                    if let entry = try await self.watch.ask({ try await $0.history(id) }) {
                        self.watch.finish(promptID, with: entry)
                        return false
                    }
                    self.remove(promptID, by: actor)
                    return true
                }
            }
            for try await isRemoved in group where isRemoved { removed += 1 }
            return removed
        }
    }

    /// Ends a prompt that was removed from the queue.
    private func remove(_ promptID: String, by actor: String) {
        board.update(promptID) { $0.cancelledBy = actor }
        watch.finish(promptID, .cancelled, "cancelled")
    }

    private func readQueue() async throws -> QueueSnapshot {
        let reading = contact.beginReading()
        let snapshot = try await watch.ask { try await $0.queue() }
        contact.read(QueueOutline(snapshot), reading)
        return snapshot
    }

    /// An item of the server's queue as callers see it.
    private func described(_ item: QueueItem) -> QueuedPrompt {
        let mark = PromptMark(item.extraData, identity: watch.identity)
        let promptID = mark?.promptID ?? board.ownID(of: item.promptID)
        return QueuedPrompt(
            promptID: promptID, caller: mark?.caller, server: contact.server, number: item.raw[0] ?? 0,
            createdAt: mark?.createdAt ?? item.createdAt, item: item.shown(as: promptID))
    }
}
