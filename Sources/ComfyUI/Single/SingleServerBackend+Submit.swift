public import PluginAPI

extension SingleServerBackend {
    /// How long another submission of the same id, or a wish to cancel it, waits for the server's answer.
    private static let answerLimit = Duration.seconds(30)

    /// Hands a prompt to the server; returns once the server has it.
    ///
    /// An id that was used before is answered with the first prompt if the body is the same.
    ///
    /// - Throws: ``PromptRefusal``; ``HTTPError`` 409 for an id that another prompt has, 422 for an unusable one, 503 when too
    ///   many prompts are open; ``HTTPClientError`` and ``ComfyServerError`` when the server did not take it.
    public func submit(_ submission: PromptSubmission) async throws -> SubmittedPrompt {
        let submission = try SingleSubmission(submission, identity: watch.identity, at: context.clock.wallClock)
        // Its id may be known from before a restart.
        await watch.takeUpIfPossible()
        // A task of its own: a caller that hangs up now must not leave a prompt behind that nobody knows.
        return try await Task { try await take(submission) }.value
    }

    private func take(_ submission: SingleSubmission) async throws -> SubmittedPrompt {
        while true {
            let prompt = ServerPrompt(submission.mark, nodeCount: submission.nodeCount)
            switch board.insert(prompt) {
            case .added: return try await send(submission)
            case .full:
                throw HTTPError(
                    .serviceUnavailable, "comfyui.queue_full", "Too many prompts wait already; try again later.",
                    headers: ["Retry-After": "10"])
            case .known(let known):
                if let answer = try await earlier(known, submission) { return answer }
            }
        }
    }

    /// The answer to an earlier submission with the same id; `nil` when the server turns out not to have it.
    private func earlier(_ known: ServerPrompt, _ submission: SingleSubmission) async throws -> SubmittedPrompt? {
        // What an API key sent is answered to that key alone.
        let callers = [known.caller, submission.mark.caller]
        let isKeys = callers.contains { $0?.hasPrefix(JobCaller.key("")) ?? false }
        guard known.fingerprint == submission.mark.fingerprint, !isKeys || known.caller == submission.mark.caller else {
            throw HTTPError(
                .conflict, "comfyui.prompt_id_taken", "Another prompt was submitted with this prompt_id.")
        }
        guard let settled = try await handedOver(known.promptID) else { return nil }
        guard settled.handOver == .doubtful else { return settled.answer }
        guard let failure = await lookAfter(settled.promptID) else { return board[settled.promptID]?.answer }
        guard case .absent = failure else { throw Self.unanswered }
        board.withdraw(settled.promptID)
        return nil
    }

    /// A prompt once the server has answered: before, the server cannot be told about it; `nil` when it did not take it.
    ///
    /// - Throws: ``HTTPClientError`` `timeout`.
    func handedOver(_ promptID: String) async throws -> ServerPrompt? {
        let deadline = context.clock.now.advanced(by: Self.answerLimit)
        while let prompt = board[promptID], prompt.handOver == .sending {
            guard context.clock.now < deadline else { throw Self.unanswered }
            try await context.clock.sleep(for: .milliseconds(20))
        }
        return board[promptID]
    }

    private static var unanswered: HTTPClientError {
        HTTPClientError(.timeout, mayHaveBeenProcessed: true, "the server has not answered yet")
    }
}

// MARK: - Sending

extension SingleServerBackend {
    /// Why a prompt is not with the server.
    private enum Absence {
        /// The server does not know it.
        case absent
        /// The server does not answer.
        case unreachable
    }

    /// Sends a prompt that is on the board, once; when the server did not take it, it leaves the board.
    private func send(_ submission: SingleSubmission) async throws -> SubmittedPrompt {
        // Without the stream, nothing tells that the server is the one it was.
        if contact.connectedSince == nil { watch.inputs.forget(serverID: ServerContact.serverID) }
        do {
            try await watch.inputs.place(named: submission.body, on: contact.server, client: watch.client)
        } catch {
            // Nothing was sent. A server that answers, and does not take the file, is not away.
            if error is HTTPClientError { contact.failed(error) }
            board.withdraw(submission.promptID)
            throw error
        }
        do {
            let answer = try await contact.handingOver { try await watch.client.submit(submission.body) }
            return taken(submission.promptID, answer)
        } catch let refusal as PromptRefusal {
            contact.reached()
            board.withdraw(submission.promptID)
            throw refusal
        } catch {
            if mayBeThere(error) {
                guard let absence = await lookAfter(submission.promptID) else {
                    return board[submission.promptID]?.answer ?? ServerPrompt(submission.mark, nodeCount: 0).answer
                }
                // Nobody knows; should it be there, it is found by its mark.
                if case .unreachable = absence { throw error }
            } else {
                contact.failed(error)
            }
            board.withdraw(submission.promptID)
            throw Self.answer(error)
        }
    }

    private func taken(_ promptID: String, _ answer: PromptAnswer) -> SubmittedPrompt {
        let now = context.clock.now
        let taken = board.update(promptID) { prompt in
            prompt.takenAt = now
            prompt.handOver = .taken
            if prompt.state == .dispatching { prompt.state = .submitted }
            prompt.take(answer)
            return prompt
        }
        watch.callLook()
        context.logger.info("job submitted", ["prompt.id": promptID, "actor": taken?.caller ?? ""])
        // It may have ended already.
        board.amend(promptID) { $0.take(answer) }
        return board[promptID]?.answer
            ?? SubmittedPrompt(promptID: promptID, number: answer.number, nodeErrors: answer.nodeErrors)
    }

    private func mayBeThere(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error.mayHaveBeenProcessed
        case let error as ComfyServerError: error.mayHaveBeenProcessed
        default: true
        }
    }

    /// Decides by queue and history whether the server has a prompt that may have arrived; marks it doubtful if nobody knows.
    ///
    /// It is absent only if it is not there at a second look either, because a request that was cut off may still be
    /// worked on.
    ///
    /// - Returns: why it is not there; `nil` when it is.
    private func lookAfter(_ promptID: String) async -> Absence? {
        for attempt in 0..<2 {
            if attempt > 0 { try? await context.clock.sleep(for: .seconds(1)) }
            do {
                if try await isThere(promptID) { return nil }
            } catch {
                board.update(promptID) { prompt in
                    if prompt.handOver == .sending { prompt.handOver = .doubtful }
                }
                return .unreachable
            }
        }
        return board[promptID]?.handOver == .taken ? nil : .absent
    }

    private func isThere(_ promptID: String) async throws -> Bool {
        let queue = try await watch.ask { try await $0.queue() }
        for (items, state) in [(queue.running, JobState.running), (queue.pending, .submitted)] {
            for item in items where PromptMark(item.extraData, identity: watch.identity)?.promptID == promptID {
                board.update(promptID) { prompt in
                    prompt.handOver = .taken
                    prompt.idOnServer = item.promptID
                    prompt.number = item.raw[0]
                    if prompt.state == .dispatching { prompt.state = state }
                }
                return true
            }
        }
        if let entry = try await watch.ask({ try await $0.history(promptID) }) {
            watch.finish(promptID, with: entry)
            return true
        }
        return false
    }

    /// The server's own status for the caller, where the prompt is to blame.
    private static func answer(_ error: any Error) -> any Error {
        guard let error = error as? ComfyServerError, let status = error.status, (400..<500).contains(status.code),
            ![401, 403, 404, 405, 407, 429].contains(status.code)
        else { return error }
        return HTTPError(
            status, "comfyui.error", "The ComfyUI server refused the prompt with status \(status).", cause: error)
    }
}

extension ServerPrompt {
    /// Takes in the server's answer to its submission.
    fileprivate mutating func take(_ answer: PromptAnswer) {
        number = answer.number
        if let errors = answer.nodeErrors.objectValue, !errors.isEmpty { nodeErrors = .object(errors) }
        if let id = answer.promptID { idOnServer = id }
    }
}
