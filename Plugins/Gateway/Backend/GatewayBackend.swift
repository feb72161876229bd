import ComfyUI
import PluginAPI

/// The gateway's workers as one backend for other plugins.
struct GatewayBackend: ComfyBackend {
    /// What knows the jobs and the workers.
    let engine: JobEngine

    func submit(_ submission: PromptSubmission) async throws -> SubmittedPrompt {
        try await engine.submit(try Submission(submission))
    }

    func job(_ promptID: String) async throws -> PromptJob? {
        if let live = try await engine.find(promptID) {
            return live.job.state.isFinal ? engine.describe(live.job) : engine.describe(live)
        }
        return await engine.foreign.find(promptID).map { $0.job(on: server($0.workerID)) }
    }

    func prompts(ofClient clientID: String, limit: Int) async throws -> [PromptJob] {
        let jobs = try await engine.store.jobs(ofClient: clientID, limit: limit)
        let open = engine.table.jobs(jobs.lazy.filter { !$0.state.isFinal }.map(\.promptID))
        var live: [String: PromptJob] = [:]
        for job in engine.describe(Array(open.values)) { live[job.promptID] = job }
        var described: [PromptJob] = []
        for job in jobs {
            if job.state.isFinal {
                described.append(engine.describe(job))
            } else if let job = live[job.promptID] {
                described.append(job)
            } else if let ended = try await engine.store.record(job.promptID) {
                // It has ended meanwhile.
                described.append(engine.describe(ended))
            }
        }
        return described
    }

    func follow(_ promptID: String) async throws -> AsyncStream<PromptEvent> {
        guard let found = try await engine.find(promptID)?.job else { throw HTTPError.unknownPrompt }
        if let stream = engine.table.follow(found.promptID, first: { .state(engine.describe($0)) }) { return stream }
        let job = try await job(found.promptID) ?? engine.describe(found)
        return AsyncStream { continuation in
            continuation.yield(.state(job))
            continuation.finish()
        }
    }

    func follow(client clientID: String) async throws -> AsyncStream<ClientPromptEvent> {
        engine.table.follow(client: clientID) { engine.describe($0) }
    }

    func history(_ promptID: String) async throws -> JSON? {
        guard engine.table[promptID] == nil else { return nil }
        if let (_, history) = try await engine.store.job(promptID) {
            return history.flatMap { try? JSON(parsing: $0, options: JSONParseOptions(allowsNonFiniteNumbers: true)) }
        }
        return await engine.foreign.find(promptID)?.result?.json
    }

    func histories(_ range: HistoryRange) async throws -> JSONObject {
        let reader = HistoryReader(engine: engine)
        var entries: JSONObject = [:]
        for item in try await reader.read(range) {
            if let (promptID, entry) = try await reader.entry(item) { entries[promptID] = entry }
        }
        return entries
    }

    func cancel(_ promptID: String) async throws -> Bool {
        try await cancel(promptID, by: "gateway")
    }

    func cancel(_ promptID: String, by actor: String) async throws -> Bool {
        guard let job = try await engine.find(promptID)?.job else { return try await engine.foreign.cancel(promptID) }
        return try await engine.cancel(job.promptID, by: actor)
    }

    func queue() async throws -> PromptQueue {
        await QueueReading.read(engine, longest: .max).promptQueue
    }

    func remaining() async -> Int {
        let own = engine.table.counts.reduce(0) { $0 + ($1.key.isFinal ? 0 : $1.value) }
        return engine.pool.members.reduce(own) { $0 + ($1.worker.enabled ? $1.load.foreign : 0) }
    }

    func clearQueue(of caller: String?, by actor: String) async throws -> [QueueClearing] {
        try await engine.clear(of: caller, by: actor)
    }

    func servers() async throws -> [ComfyServer] {
        engine.pool.members.map { ComfyServer($0) }
    }

    func keep(_ upload: InputUpload) async throws -> PlacedInput {
        let enabled = engine.pool.members.filter(\.worker.enabled)
        let answering = enabled.filter(\.health.isHealthy)
        var placed = try await engine.registry.inputs.keep(
            upload, on: answering.map { (ComfyServer($0), engine.registry.client($0.worker)) })
        placed.missingOn += enabled.filter { !$0.health.isHealthy }.map { ComfyServer($0) }
        return placed
    }

    func client(of serverID: String) throws -> any HTTPClient {
        guard let worker = engine.registry.find(serverID) else { throw WorkerError.unknown.httpError }
        return engine.registry.client(worker).paths
    }

    func owner(of promptID: String) async throws -> ComfyServer? {
        if let job = try await engine.find(promptID)?.job { return job.workerID.flatMap { server($0) } }
        return await engine.foreign.owner(of: promptID).flatMap { server($0.id) }
    }

    private func server(_ id: String) -> ComfyServer? {
        engine.pool[id].map { ComfyServer($0) }
    }

    func file(_ reference: FileReference, of promptID: String, headers: HTTPFields) async throws -> ClientResponse {
        guard let owner = try await owner(of: promptID) else { throw HTTPError.unknownPrompt }
        guard let worker = engine.registry.find(owner.id) else { throw HTTPError.fileOfRemovedWorker }
        return try await engine.registry.client(worker).view(reference, headers: headers)
    }
}
