import ComfyUI
import PluginAPI

extension JobEngine {
    /// The pauses between looks for a history entry: a server writes it just after it says that a prompt has ended.
    private static let pauses: [Duration] = [
        .zero, .milliseconds(20), .milliseconds(50), .milliseconds(100), .milliseconds(250), .milliseconds(500),
        .seconds(1),
    ]

    /// Fetches and keeps the result of a job that has ended on its worker.
    func collect(_ promptID: String) async {
        guard let live = table[promptID], let worker = live.job.workerID.flatMap({ pool[$0]?.worker }) else { return }
        let client = registry.client(worker)
        do {
            for pause in Self.pauses {
                if pause > .zero { try await context.clock.sleep(for: pause) }
                guard let entry = try await client.history(live.job.idOnWorker) else { continue }
                return await finish(promptID, with: entry, from: worker.id)
            }
        } catch {
            context.logger.debug("history not read", ["prompt.id": promptID, "error": "\(error)"])
        }
        // The next comparison with the worker's queue and history decides.
        _ = table.update(promptID) { $0.isCollecting = false }
    }

    /// Ends a job with its history entry, unless it went to another worker meanwhile: its files would be looked for there.
    func finish(_ promptID: String, with entry: HistoryEntry, from workerID: String) async {
        guard table[promptID]?.job.workerID == workerID else { return }
        switch entry.outcome {
        case .success: await finish(promptID, .done, entry: entry)
        case .failure(let words): await finish(promptID, .failed, error: words, entry: entry)
        case .interrupted: await finish(promptID, .cancelled, error: "interrupted", entry: entry)
        @unknown default: await finish(promptID, .failed, error: "unknown outcome", entry: entry)
        }
    }

    /// Ends a job: on disk, then for everybody else.
    ///
    /// The first end wins.
    func finish(_ promptID: String, _ state: JobState, error: String? = nil, entry: HistoryEntry? = nil) async {
        guard let live = table[promptID] else { return }
        var job = live.job
        job.state = state
        job.error = error
        job.finishedAt = context.clock.wallClock
        let history = entry?.text(promptID: job.promptID, clientID: job.clientID)
        do {
            let isFirst = try await store.finish(job, history: history, at: context.clock.wallClock)
            announce(job, isFirst: isFirst)
        } catch {
            context.logger.error("result not stored", ["prompt.id": promptID, "error": "\(error)"])
            _ = table.update(promptID) { $0.isCollecting = false }
        }
    }

    private func announce(_ job: Job, isFirst: Bool) {
        journal.forget(job.promptID)
        table.remove(job.promptID, last: .state(describe(job)))
        if let worker = job.workerID { pool.promptEnded(on: worker) }
        guard isFirst else { return }
        metrics.finished(job.state)
        context.logger.info(
            "job ended",
            ["prompt.id": job.promptID, "state": job.state.rawValue, "worker.id": job.workerID ?? ""])
        context.events.publish(
            JobFinished(promptID: job.promptID, state: job.state, serverID: job.workerID, message: job.error))
    }
}
