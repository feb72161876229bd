import PluginAPI

extension ServerWatch {
    /// Reads the server's queue and compares our prompts with it; callers at the same time share one reading.
    ///
    /// - Returns: the ids of open prompts that are not in it: see ``settle(_:)``.
    /// - Throws: ``HTTPClientError``, ``ComfyServerError``.
    func look() async throws -> Set<String> {
        try await looking.run { [self] in
            let began = clock.now
            let queue = try await readQueue()
            var seen: Set<String> = []
            let time = clock.wallClock
            for id in queue.running {
                let promptID = board.ownID(of: id)
                seen.insert(promptID)
                sighted(promptID) { $0.start(at: time) }
            }
            for (index, id) in queue.pending.enumerated() {
                let promptID = board.ownID(of: id)
                seen.insert(promptID)
                sighted(promptID) { prompt in
                    // A running one cannot go back; this reading is older than the event that said so.
                    guard prompt.state != .running else { return }
                    prompt.state = .submitted
                    prompt.position = index + 1
                }
            }
            let absent = board.handedOver.filter { prompt in
                !seen.contains(prompt.promptID) && prompt.takenAt.map { $0 < began } ?? true
            }
            return Set(absent.map(\.promptID))
        }
    }

    /// The ids in the server's queue.
    ///
    /// - Throws: ``HTTPClientError``, ``ComfyServerError``.
    func readQueue() async throws -> QueueOutline {
        let reading = contact.beginReading()
        do {
            let queue = try await ask { try await $0.queueOutline() }
            contact.read(queue, reading)
            return queue
        } catch {
            // Without its queue nothing is known of it, whatever it answered.
            contact.failed(error)
            throw error
        }
    }

    /// Asks the server something, and notes whether it answers.
    ///
    /// - Throws: what the question throws, ``HTTPClientError`` `timeout` after ``readingLimit``.
    func ask<T: Sendable>(_ question: @escaping @Sendable (ComfyClient) async throws -> T) async throws -> T {
        let client = client.with(timeout: Self.askingLimit)
        do {
            let answer = try await Deadline.run(Self.readingLimit, clock: clock) { try await question(client) }
            contact.reached()
            return answer
        } catch {
            // A server answers 500 to many a question that is wrong.
            if (error as? ComfyServerError)?.status != .internalServerError { contact.failed(error) }
            throw error
        }
    }

    private func sighted(_ promptID: String, _ body: (inout ServerPrompt) -> Void) {
        board.update(promptID) { prompt in
            prompt.handOver = .taken
            prompt.missingSince = nil
            body(&prompt)
        }
    }
}

// MARK: - Ends

extension ServerWatch {
    /// The pauses between looks for a history entry: a server writes it just after it says that a prompt has ended.
    private static let pauses: [Duration] = [
        .zero, .milliseconds(20), .milliseconds(50), .milliseconds(100), .milliseconds(250), .milliseconds(500),
        .seconds(1),
    ]

    /// Fetches the result of a prompt that has ended.
    func collect(_ promptID: String) async {
        guard let prompt = board[promptID] else { return }
        do {
            for pause in Self.pauses {
                if pause > .zero { try await clock.sleep(for: pause) }
                guard let entry = try await ask({ try await $0.history(prompt.idOnServer) }) else { continue }
                return finish(promptID, with: entry)
            }
        } catch {
            context.logger.debug("history not read", ["prompt.id": promptID, "error": "\(error)"])
        }
        // The next comparison with the queue and the history decides.
        board.update(promptID) { $0.isCollecting = false }
        callLook()
    }

    /// Decides about an open prompt that is not in the queue: it has ended, or it is lost.
    func settle(_ promptID: String) async {
        guard let prompt = board[promptID], !prompt.state.isFinal, !prompt.isCollecting else { return }
        do {
            if let entry = try await ask({ try await $0.history(prompt.idOnServer) }) {
                return finish(promptID, with: entry)
            }
        } catch let error as ComfyServerError {
            return endUnreadable(promptID, error)
        } catch {
            return
        }
        judge(promptID)
    }

    /// Ends an open prompt with its history entry.
    func finish(_ promptID: String, with entry: HistoryEntry) {
        let time = clock.wallClock
        finish(promptID) { prompt in
            prompt.finishedAt = time
            prompt.end(entry, shown: entry.text(promptID: promptID, clientID: Self.shownClientID(entry, prompt)))
        }
    }

    /// Ends an open prompt of which the server has no history.
    func finish(_ promptID: String, _ state: JobState, _ reason: String) {
        let time = clock.wallClock
        finish(promptID) { prompt in
            prompt.finishedAt = time
            prompt.state = state
            prompt.message = reason
        }
    }

    private func finish(_ promptID: String, _ end: (inout ServerPrompt) -> Void) {
        let ended = board.update(promptID) { prompt in
            prompt.handOver = .taken
            end(&prompt)
            return prompt
        }
        guard let ended else { return }
        context.logger.info(
            "job \(ended.state.rawValue)",
            ["prompt.id": promptID, "actor": ended.cancelledBy ?? "server", "reason": ended.message ?? ""])
        guard ended.caller != nil else { return }
        context.events.publish(
            JobFinished(
                promptID: promptID, state: ended.state, serverID: ServerContact.serverID, message: ended.message))
    }

    private static func shownClientID(_ entry: HistoryEntry, _ prompt: ServerPrompt) -> String? {
        prompt.caller == nil ? entry.extraData?["client_id"]?.stringValue : prompt.clientID
    }

    /// Ends a prompt whose result the server cannot tell for too long.
    private func endUnreadable(_ promptID: String, _ error: ComfyServerError) {
        let now = clock.now
        let since = board.update(promptID) { prompt in
            prompt.unreadableSince = prompt.unreadableSince ?? now
            return prompt.unreadableSince
        }
        guard let since = since ?? nil, since.duration(to: now) >= Self.unreadableLimit else { return }
        finish(promptID, .failed, "The ComfyUI server cannot tell the result: \(error.reason).")
    }

    /// Ends a prompt that the server does not know, unless this is the first time.
    ///
    /// A server whose event stream has been open all the time since it took the prompt did not restart: then somebody
    /// removed the prompt from its queue.
    private func judge(_ promptID: String) {
        let now = clock.now
        let connectedSince = contact.connectedSince
        let verdict = board.update(promptID) { prompt -> (state: JobState, reason: String)? in
            prompt.unreadableSince = nil
            guard let missingSince = prompt.missingSince else {
                prompt.missingSince = now
                return nil
            }
            guard missingSince.duration(to: now) >= Self.absence else { return nil }
            if prompt.cancelledBy != nil { return (.cancelled, "cancelled") }
            if let takenAt = prompt.takenAt, let connectedSince, connectedSince <= takenAt {
                return (.cancelled, "removed from the server's queue")
            }
            return (.lost, "the server does not know it any more")
        }
        guard let verdict = verdict ?? nil else { return }
        guard board[promptID]?.handOver == .taken else { return board.withdraw(promptID) }
        finish(promptID, verdict.state, verdict.reason)
    }
}
