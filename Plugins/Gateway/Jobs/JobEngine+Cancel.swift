import ComfyUI
import PluginAPI

extension JobEngine {
    /// Removes a job from a queue, or interrupts it.
    ///
    /// A job of a worker that does not answer ends at once; the worker is told when it is back.
    ///
    /// - Returns: false when it had already ended, or was never seen.
    /// - Throws: ``HTTPClientError``, ``ComfyServerError`` when its worker cannot be told.
    func cancel(_ promptID: String, by actor: String = "gateway") async throws -> Bool {
        guard let live = try await handedOver(promptID) else { return false }
        let cause = JobCause(actor: actor, reason: "cancelled")
        guard let member = live.job.workerID.flatMap({ pool[$0] }) else {
            if live.job.state == .queued, claim(promptID) == nil { return try await cancel(promptID, by: actor) }
            if await finish(promptID, .cancelled, cause) { return true }
            // It goes on waiting, also if its turn came meanwhile and was given away.
            putBack(promptID)
            dispatchWakeup.set()
            throw Self.notStored
        }
        let (worker, id) = (member.worker, live.job.idOnWorker)
        let copy = JobCopy(promptID: promptID, workerID: worker.id, idOnWorker: id)
        guard member.health.isHealthy else {
            guard await finish(promptID, .cancelled, cause, copies: [copy]) else { throw Self.notStored }
            return true
        }
        let client = registry.client(worker).with(timeout: WorkerRegistry.probeTimeout)
        try await client.deleteFromQueue([id])
        if try await client.queueOutline().running.contains(id) {
            // Its end comes as an event. Old servers interrupt whatever runs, hence the look before.
            _ = table.update(promptID) { $0.cancelledBy = actor }
            try await client.interrupt(id)
            return true
        }
        if let entry = try await client.history(id) {
            await finish(promptID, with: entry, from: worker.id)
            return false
        }
        guard await finish(promptID, .cancelled, cause) else { throw Self.notStored }
        return true
    }

    /// 503 `gateway.not_stored`.
    static var notStored: HTTPError {
        HTTPError(
            .serviceUnavailable, "gateway.not_stored", "The change could not be stored.", headers: ["Retry-After": "5"])
    }

    /// A job once its worker has answered: before, the worker cannot be told about it.
    private func handedOver(_ promptID: String) async throws -> LiveJob? {
        let deadline = now.advanced(by: configuration.requestTimeout)
        while let live = table[promptID], live.isSending, now < deadline {
            try await context.clock.sleep(for: .milliseconds(20))
        }
        return table[promptID]
    }

    /// Changes the order of a waiting job: its priority, and its place among its caller's jobs of that priority.
    ///
    /// - Throws: ``HTTPError`` 409 when it does not wait here; ``DatabaseError``.
    func reorder(_ promptID: String, priority: Int?, position: Int?, by actor: String) async throws {
        let live = table[promptID]
        let changed = waiting.move(promptID, priority: priority, position: position)
        guard let live, live.job.state == .queued, !changed.isEmpty else {
            throw HTTPError(.conflict, "gateway.job_not_waiting", "The prompt does not wait in the gateway's queue.")
        }
        let words = [priority.map { "priority \($0)" }, position.map { "position \($0) among its caller's jobs" }]
        let cause = JobCause(actor: actor, reason: "moved to " + words.compactMap { $0 }.joined(separator: ", "))
        let event = JobEvent(live.job, at: context.clock.wallClock, cause)
        do {
            try await store.reorder(changed, events: [event])
        } catch {
            // The table has the order that is on disk.
            waiting.put(changed.compactMap { table[$0.promptID].map { WaitingEntry($0.job) } })
            throw error
        }
        for entry in changed {
            _ = table.update(entry.promptID) { live in
                live.job.priority = entry.priority
                live.job.place = entry.place
            }
        }
        // Those that were taken and given back meanwhile too.
        waiting.put(changed)
        announce(event)
    }
}
