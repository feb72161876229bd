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
        guard let live = try await engine.find(promptID) else { return nil }
        return live.job.state.isFinal ? engine.describe(live.job) : engine.describe(live)
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

    func history(_ promptID: String) async throws -> JSON? {
        guard engine.table[promptID] == nil, let bytes = try await engine.store.job(promptID)?.history else {
            return nil
        }
        return try? JSON(parsing: bytes, options: JSONParseOptions(allowsNonFiniteNumbers: true))
    }

    func cancel(_ promptID: String) async throws -> Bool {
        try await engine.cancel(promptID)
    }

    func servers() async throws -> [ComfyServer] {
        engine.pool.members.map { ComfyServer($0) }
    }

    func owner(of promptID: String) async throws -> ComfyServer? {
        let workerID = try await engine.find(promptID)?.job.workerID
        return workerID.flatMap { engine.pool[$0] }.map { ComfyServer($0) }
    }

    func file(_ reference: FileReference, of promptID: String, headers: HTTPFields) async throws -> ClientResponse {
        guard let owner = try await owner(of: promptID) else { throw HTTPError.unknownPrompt }
        guard let worker = engine.registry.find(owner.id) else { throw HTTPError.fileOfRemovedWorker }
        return try await engine.registry.client(worker).view(reference, headers: headers)
    }
}
