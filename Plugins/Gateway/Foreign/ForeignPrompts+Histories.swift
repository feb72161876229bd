import ComfyUI
import PluginAPI

extension ForeignPrompts {
    /// How many histories are read at the same time.
    private static let parallelHistories = 8
    /// The largest history of a worker that is read.
    private static let longestHistory = 32 << 20
    /// How much of all of them is kept.
    private static let keptHistories = 128 << 20

    /// The results that the workers have of prompts of others, the oldest first.
    ///
    /// Workers that are disabled, or do not answer in time, are left out.
    ///
    /// - Parameters:
    ///   - count: How many of each worker at most: its newest.
    ///   - ownID: The client id under which this gateway sends prompts; those are not meant.
    func results(newest count: Int, besides ownID: String) async -> [ForeignResult] {
        let found = await listGate.pass {
            let workers = registry.pool.members.lazy.filter(\.answers).map(\.worker)
            return await WorkerSweep.ask(workers, parallel: Self.parallelHistories, clock: clock) { worker in
                await self.results(of: worker, newest: count, besides: ownID)
            }
        }
        var results: [String: ForeignResult] = [:]
        var size = 0
        for result in found.values.joined().sorted(by: { $0.finishedAt > $1.finishedAt }) {
            size += result.text.count
            guard size <= Self.keptHistories else { break }
            if results[result.promptID] == nil { results[result.promptID] = result }
        }
        return results.values.sorted { left, right in
            left.finishedAt == right.finishedAt ? left.promptID < right.promptID : left.finishedAt < right.finishedAt
        }
    }

    private func results(of worker: Worker, newest count: Int, besides ownID: String) async -> [ForeignResult]? {
        let client = registry.client(worker).with(timeout: WorkerSweep.answerLimit)
        do {
            let entries = try await Deadline.run(WorkerSweep.answerLimit, clock: clock) {
                try await client.histories(newest: count, limit: Self.longestHistory)
            }
            let results = entries.lazy.filter { $0.entry.clientID != ownID }.map { promptID, entry in
                ForeignResult(promptID: promptID, workerID: worker.id, entry)
            }
            remember(results.map(\.promptID), on: worker.id)
            return Array(results)
        } catch {
            logger.info("history of a worker not read", ["worker.id": worker.id, "error": "\(error)"])
            return nil
        }
    }
}
