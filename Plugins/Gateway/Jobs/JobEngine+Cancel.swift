import ComfyUI
import PluginAPI

extension JobEngine {
    /// Removes a job from a queue, or interrupts it.
    ///
    /// - Returns: false when it had already ended, or was never seen.
    /// - Throws: ``HTTPClientError``, ``ComfyServerError`` when its worker cannot be told.
    func cancel(_ promptID: String) async throws -> Bool {
        guard let live = try await handedOver(promptID) else { return false }
        guard let worker = live.job.workerID.flatMap({ pool[$0]?.worker }) else {
            await finish(promptID, .cancelled, error: "cancelled")
            return true
        }
        let client = registry.client(worker).with(timeout: WorkerRegistry.probeTimeout)
        let id = live.job.idOnWorker
        try await client.deleteFromQueue([id])
        if try await client.queueOutline().running.contains(id) {
            // Its end comes as an event. Old servers interrupt whatever runs, hence the look before.
            try await client.interrupt(id)
            return true
        }
        if let entry = try await client.history(id) {
            await finish(promptID, with: entry, from: worker.id)
            return false
        }
        await finish(promptID, .cancelled, error: "cancelled")
        return true
    }

    /// A job once its worker has answered: before, the worker cannot be told about it.
    private func handedOver(_ promptID: String) async throws -> LiveJob? {
        let deadline = now.advanced(by: configuration.requestTimeout)
        while let live = table[promptID], live.isSending, now < deadline {
            try await context.clock.sleep(for: .milliseconds(20))
        }
        return table[promptID]
    }
}
