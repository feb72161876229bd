import PluginAPI

/// Finds what is known of a prompt for the routes of seed 004.
struct WorkflowReader: Sendable {
    /// What runs the prompts.
    let backends: Backends

    /// A prompt that has ended, and its history entry.
    struct Ended: Sendable {
        /// The prompt.
        let job: PromptJob
        /// ComfyUI's entry; `nil` when there is none.
        let entry: JSON?
    }

    /// The result of a prompt that the caller may see.
    ///
    /// - Throws: ``HTTPError`` 404 `WORKFLOW_NOT_FOUND` while there is none, 403 for somebody else's prompt, 503 when its
    ///   server cannot be asked.
    func ended(_ promptID: String, for principal: Principal?) async throws -> Ended {
        let backend = backends.current
        guard let job = try await backend.job(promptID) else { throw Self.unknown(promptID) }
        try JobCaller.check(job.caller, principal)
        guard job.state.isFinal else {
            if job.server?.healthy == false, job.state == .submitted || job.state == .running {
                throw HTTPError(
                    .serviceUnavailable, .connection, "The ComfyUI server that has the workflow cannot be reached.")
            }
            throw HTTPError(.notFound, .workflowNotFound, "The workflow has not ended yet.")
        }
        return Ended(job: job, entry: try await backend.history(promptID))
    }

    /// 404 for a prompt that was never seen.
    static func unknown(_ promptID: String) -> HTTPError {
        HTTPError(.notFound, .workflowNotFound, "There is no such workflow.")
    }
}
