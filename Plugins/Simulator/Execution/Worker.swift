internal import PluginAPI

/// The thread that runs jobs, one after the other.
struct Worker: Sendable {
    let server: SimulatedServer
    private let cache = ResultCache()

    init(server: SimulatedServer) {
        self.server = server
    }

    /// Runs jobs until the task is cancelled.
    func run() async throws {
        while true {
            try Task.checkCancellation()
            let seen = server.work.version
            guard await runNext() else {
                await server.work.wait(after: seen)
                continue
            }
            // Others need the thread too.
            await Task.yield()
        }
    }

    /// Runs the next job; `false` when there is none that may run.
    func runNext() async -> Bool {
        guard let (item, generation) = takeNext() else { return false }
        server.runs.add(.started, item.promptID)
        server.announceStatus()
        let job = JobRun(server: server, item: item, generation: generation, cache: cache)
        let ending = await job.run()
        switch ending {
        case .finished(let result): finish(item, generation, result)
        case .died: server.withState { if $0.generation == generation { $0.isWorkerDead = true } }
        case .vanished: break
        }
        return true
    }

    private func takeNext() -> (QueueItem, generation: Int)? {
        let (taken, generation, mustForget) = server.withState { state -> (QueueItem?, Int, Bool) in
            let mustForget = state.mustFreeMemory
            state.mustFreeMemory = false
            guard !state.isWorkerDead, !state.isExited, !state.settings.deadWorker, state.running == nil,
                let item = state.queue.pop()
            else { return (nil, state.generation, mustForget) }
            state.running = item
            state.isInterrupted = false
            return (item, state.generation, mustForget)
        }
        cache.enter(generation: generation, forgetting: mustForget)
        return taken.map { ($0, generation) }
    }

    /// Moves the job to the history in one step, then tells everybody.
    private func finish(_ item: QueueItem, _ generation: Int, _ result: JobResult) {
        let entry = result.entry(for: item)
        let isCurrent = server.withState { state in
            guard state.generation == generation, !state.isExited else { return false }
            state.running = nil
            state.runningNode = nil
            state.history.put(item.promptID, entry)
            switch result.status {
            case .success: state.totals.succeeded += 1
            case .error: state.totals.failed += 1
            case .interrupted: state.totals.interrupted += 1
            }
            return true
        }
        guard isCurrent else { return }
        server.runs.add(.ended, item.promptID)
        server.metrics.jobs.increment(result.status.rawValue)
        server.announceStatus()
        if case .nobody = item.submitter { return }
        server.hub.send(
            .submitter(item.submitter),
            SocketMessage.event("executing", ["node": .null, "prompt_id": .string(item.promptID)]))
    }
}

/// How a job ended.
struct JobResult: Sendable {
    enum Status: String, Sendable {
        case success
        case error
        case interrupted
    }

    var status: Status
    /// The pairs of `status.messages`.
    var messages: [JSON]
    /// What the user interface shows, by node.
    var outputs: JSONObject
    var meta: JSONObject

    /// The entry of `/history`.
    func entry(for item: QueueItem) -> [UInt8] {
        let rest: JSON = [
            "outputs": .object(outputs),
            "status": [
                "status_str": status == .success ? "success" : "error", "completed": .bool(status == .success),
                "messages": .array(messages),
            ],
            "meta": .object(meta),
        ]
        return Array(#"{"prompt": "#.utf8) + item.publicTuple + Array(", ".utf8)
            + rest.serialized(.spaced).dropFirst()
    }
}
