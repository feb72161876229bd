import PluginAPI

/// Interrupts prompts for `POST /api/v1/workflows/interrupt` and for a WebSocket.
struct WorkflowInterrupter: Sendable {
    /// What runs the prompts.
    let backends: Backends

    /// How many prompts are interrupted at the same time.
    private static let width = 16

    /// What came of interrupting all that run.
    struct Outcome: Sendable {
        /// The prompts that were interrupted.
        var interrupted: [String] = []
        /// Those that could not be, each with the reason.
        var problems: JSONObject = [:]
        /// The servers that could not be asked what runs there, by id.
        var unreachable: [String] = []
    }

    /// Interrupts a prompt that runs, or takes one that waits out of its queue.
    ///
    /// - Throws: ``HTTPError`` 404 `WORKFLOW_NOT_FOUND` when it is unknown or has ended, 403 when it is somebody else's,
    ///   502 `QUEUE_OPERATION_ERROR` when its server does not do it.
    func interrupt(_ promptID: String, for principal: Principal?, by actor: String) async throws {
        let backend = backends.current
        guard let job = try await backend.job(promptID) else { throw WorkflowReader.unknown(promptID) }
        try JobCaller.check(job.caller, principal)
        let hasEnded: Bool
        do {
            hasEnded = try await !backend.cancel(promptID, by: actor)
        } catch {
            throw Self.failure(error)
        }
        if hasEnded { throw HTTPError(.notFound, .workflowNotFound, "The workflow has ended already.") }
    }

    /// Interrupts everything that runs and that the caller may touch.
    ///
    /// - Throws: ``HTTPError`` 502 `QUEUE_OPERATION_ERROR` with the reason for each prompt that still runs, 503 when no server
    ///   could be asked what runs.
    func interruptAll(for principal: Principal?, by actor: String) async throws -> Outcome {
        let backend = backends.current
        let own = JobCaller.limit(of: principal)
        let queue = try await backend.reachableQueue()
        let running = queue.running.filter { own == nil || own == $0.caller }.map(\.promptID)
        var outcome = await withTaskGroup(of: (String, HTTPError?).self) { group in
            var outcome = Outcome()
            var waiting = running[...]
            for promptID in waiting.prefix(Self.width) { group.addTask { await Self.cancel(promptID, backend, actor) } }
            waiting = waiting.dropFirst(Self.width)
            for await (promptID, problem) in group {
                if let problem {
                    outcome.problems[promptID] = .string(problem.message)
                } else {
                    outcome.interrupted.append(promptID)
                }
                if let next = waiting.popFirst() { group.addTask { await Self.cancel(next, backend, actor) } }
            }
            return outcome
        }
        guard outcome.problems.isEmpty else {
            throw HTTPError(
                .badGateway, .queueOperation, "Some workflows could not be interrupted.",
                details: .object(outcome.problems))
        }
        outcome.unreachable = queue.unreachable.map(\.id)
        return outcome
    }

    private static func cancel(
        _ promptID: String, _ backend: any ComfyBackend, _ actor: String
    ) async -> (String, HTTPError?) {
        do {
            // One that has ended by now is as good as interrupted.
            _ = try await backend.cancel(promptID, by: actor)
            return (promptID, nil)
        } catch {
            return (promptID, failure(error))
        }
    }

    /// What a failed operation on a queue is told as: 502, unless it was the caller's fault.
    static func failure(_ error: any Error) -> HTTPError {
        let known = V1Failures.httpError(error)
        guard known.status.code >= 500 else { return known }
        let message = known.status == .internalServerError ? "The operation failed." : known.message
        return HTTPError(.badGateway, .queueOperation, message, cause: error)
    }
}
