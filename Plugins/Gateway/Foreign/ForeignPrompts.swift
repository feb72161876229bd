import ComfyUI
import PluginAPI

/// Finds prompts that are unknown here at the workers: somebody else may have sent them there.
final class ForeignPrompts: Sendable {
    /// How many are looked for at the same time: each look asks all workers.
    private static let parallelLooks = 8

    let registry: WorkerRegistry
    let clock: any TimeSource
    let logger: Logger
    /// Histories are large: so many lists are read at the same time.
    let listGate = Turnstile(places: 2)
    private let gate = Turnstile(places: parallelLooks)
    private let owners = OwnerMemory()

    /// Looks nowhere yet.
    init(registry: WorkerRegistry, clock: any TimeSource, logger: Logger) {
        self.registry = registry
        self.clock = clock
        self.logger = logger
    }

    /// Looks for a prompt in the queues and histories of all workers that are enabled and answer.
    ///
    /// The worker that had it last is asked alone first.
    func find(_ promptID: String) async -> ForeignPrompt? {
        guard PromptID.isUsable(promptID) else { return nil }
        return await gate.pass {
            let members = registry.pool.members.filter(\.answers)
            if let known = owners[promptID], let member = members.first(where: { $0.worker.id == known }),
                let found = await look(for: promptID, on: member.worker)
            {
                return found
            }
            let found = await WorkerSweep.ask(members.map(\.worker), clock: clock, until: { _ in true }) { worker in
                await self.look(for: promptID, on: worker)
            }
            guard let prompt = found.values.first else { return nil }
            owners.remember([promptID], on: prompt.workerID)
            return prompt
        }
    }

    /// The worker that has, or had, a prompt; without a look if it is remembered.
    func owner(of promptID: String) async -> Worker? {
        if let known = owners[promptID], let worker = registry.find(known) { return worker }
        return await find(promptID).flatMap { registry.find($0.workerID) }
    }

    /// Removes a prompt from a worker's queue, or interrupts it.
    ///
    /// - Returns: false when no worker has it in its queue.
    /// - Throws: ``HTTPClientError``, ``ComfyServerError`` when its worker cannot be told.
    func cancel(_ promptID: String) async throws -> Bool {
        guard let prompt = await find(promptID), let worker = registry.find(prompt.workerID) else { return false }
        if case .ended = prompt.state { return false }
        let client = registry.client(worker).with(timeout: WorkerRegistry.probeTimeout)
        if case .pending = prompt.state { try await client.deleteFromQueue([promptID]) }
        // Old servers interrupt whatever runs, hence the look before.
        if try await client.queueOutline().running.contains(promptID) { try await client.interrupt(promptID) }
        return true
    }

    /// Remembers where prompts are.
    func remember(_ promptIDs: [String], on workerID: String) {
        owners.remember(promptIDs, on: workerID)
    }

    private func look(for promptID: String, on worker: Worker) async -> ForeignPrompt? {
        let client = registry.client(worker).with(timeout: WorkerSweep.answerLimit)
        let state = try? await Deadline.run(WorkerSweep.answerLimit, clock: clock) { () -> ForeignPrompt.State? in
            // The queue first, because a prompt goes from there to the history.
            let queue = try await client.queueOutline()
            if queue.running.contains(promptID) { return .running }
            if let place = queue.pending.firstIndex(of: promptID) { return .pending(place + 1) }
            return try await client.history(promptID).map { .ended($0) }
        }
        return state.flatMap(\.self).map { ForeignPrompt(promptID: promptID, workerID: worker.id, state: $0) }
    }
}
