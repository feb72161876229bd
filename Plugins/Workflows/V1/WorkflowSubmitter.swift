import ComfyUI
import PluginAPI

/// Takes workflows of seed 004: those of `POST /api/v1/workflows/submit` and those of a WebSocket.
struct WorkflowSubmitter: Sendable {
    /// What runs the prompts.
    let backends: Backends

    /// The longest client id in bytes; it is kept with each prompt.
    static let longestClientID = 1000

    /// Who submits.
    struct Sender: Sendable {
        /// The WebSocket id that messages about the prompt go to.
        var clientID: String?
        /// See ``JobCaller``.
        var caller: String

        /// The sender of a request, or of a message on the WebSocket that the request opened.
        init(_ request: Request, clientID: String?) {
            self.clientID = clientID.flatMap { $0.isEmpty ? nil : $0 }
            caller = JobCaller.of(request.principal, clientID: clientID, address: request.clientAddress)
        }
    }

    /// Checks a workflow and hands it in.
    ///
    /// - Parameter promptID: The id that the prompt gets: a repetition after a lost answer cannot queue it twice.
    /// - Throws: ``HTTPError`` with a code of seed 004; ``PromptRefusal`` when a server refused the workflow.
    func submit(
        _ workflow: JSON, from sender: Sender, promptID: String = PromptID.random()
    ) async throws -> SubmittedPrompt {
        try WorkflowCheck.check(workflow)
        var submission = PromptSubmission(prompt: workflow, clientID: sender.clientID, promptID: promptID)
        submission.caller = sender.caller
        return try await backends.current.submit(submission)
    }
}
