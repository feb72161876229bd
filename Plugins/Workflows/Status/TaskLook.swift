import ComfyUI
import PluginAPI

/// Asks the backend about a prompt for a caller who may know; no question takes longer than its limit.
struct TaskLook: Sendable {
    /// What knows the prompts.
    let backends: Backends
    /// Measures the limits.
    let clock: any TimeSource

    /// How long one look at a prompt or a server may take.
    static let lookLimit = Duration.seconds(5)
    /// How long reading results may take.
    static let resultLimit = Duration.seconds(15)

    /// A prompt; `nil` when it was never seen.
    ///
    /// - Throws: ``HTTPError`` 403 when it is somebody else's; what the backend throws.
    func job(_ promptID: String, for request: Request) async throws -> PromptJob? {
        let backend = backends.current
        let job = try await limited(Self.lookLimit) { try await backend.job(promptID) }
        if let job { try JobCaller.check(job.caller, request.principal) }
        return job
    }

    /// The result of a prompt; `nil` while there is none.
    func history(_ promptID: String) async throws -> JSON? {
        let backend = backends.current
        return try await limited(Self.resultLimit) { try await backend.history(promptID) }
    }

    /// The item of a running prompt in ComfyUI's queue; `nil` when that cannot be told in time.
    func queueItem(_ promptID: String) async -> QueuedPrompt? {
        let backend = backends.current
        let queue = try? await limited(Self.lookLimit) { try await backend.queue() }
        return queue?.running.first { $0.promptID == promptID }
    }

    /// Asks with a limit.
    ///
    /// - Throws: ``HTTPClientError`` `timeout`; what the body throws.
    func limited<T: Sendable>(_ limit: Duration, _ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await Deadline.run(limit, clock: clock, body)
    }
}
