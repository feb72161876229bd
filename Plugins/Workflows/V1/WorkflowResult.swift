import ComfyUI
import PluginAPI

/// How a prompt ended, as seed 004 tells it over HTTP and on the WebSocket.
struct WorkflowResult: Sendable {
    /// The words of seed 004 for the end of a prompt.
    enum Status: String, Sendable {
        /// Ended well.
        case completed
        /// Ended with an error.
        case failed
        /// Ended by somebody's wish.
        case interrupted
    }

    /// How it ended.
    let status: Status
    /// ComfyUI's outputs by node; `{}` when there are none.
    let outputs: JSON
    /// Why it did not end well.
    let error: String?
    /// ComfyUI's `execution_error`, if a node failed.
    let executionError: JSON?

    /// Reads the end of a prompt.
    ///
    /// - Parameters:
    ///   - job: A prompt in a final state.
    ///   - entry: Its history entry; `nil` when it has none, as one that was cancelled while it waited.
    init(_ job: PromptJob, entry: JSON?) {
        outputs = entry?["outputs"]?.objectValue.map { .object($0.standard) } ?? [:]
        let messages = entry?["status"]?["messages"]?.arrayValue ?? []
        executionError = messages.first { $0[0]?.stringValue == "execution_error" }?[1]
        let outcome = entry.map { HistoryEntry($0).outcome }
        switch (job.state, outcome) {
        case (.done, _):
            status = .completed
            error = nil
        case (.cancelled, _), (_, .interrupted?):
            status = .interrupted
            error = job.message ?? "The workflow was interrupted."
        case (_, .failure(let words)?):
            status = .failed
            error = words
        default:
            status = .failed
            error = job.message ?? "The workflow failed."
        }
    }
}
