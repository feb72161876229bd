import PluginAPI

/// What happens to prompts, told in the order in which it happens to each.
extension ClientSession {
    /// How often a result is looked for when its server does not answer.
    private static let mostLooks = 5
    /// The pause before missed results are tried to be read again.
    private static let replayPause = Duration.seconds(10)
    /// The pause between two looks.
    private static let lookPause = Duration.seconds(1)

    /// Takes in an event.
    func take(_ promptID: String, _ event: PromptEvent) async {
        if case .state(let job) = event {
            guard maySee(job) else { return }
            if replayed.contains(promptID) {
                if job.state.isFinal { replayed.remove(promptID) }
                return
            }
            if tracks[promptID] == nil {
                // Submitted by other means; the order is that of the client's own submissions.
                tracks[promptID] = PromptTrack()
                tell(.system("A workflow of this client id was submitted.", promptID: promptID))
            }
        }
        guard tracks[promptID] != nil else { return }
        if tracks[promptID]?.held != nil {
            tracks[promptID]?.hold(event)
        } else {
            await handle(promptID, event)
        }
    }

    /// Tells what was held back until the submission was answered.
    func release(_ promptID: String) async {
        while let event = tracks[promptID]?.held?.first {
            tracks[promptID]?.held?.removeFirst()
            await handle(promptID, event)
        }
        tracks[promptID]?.held = nil
    }

    private func handle(_ promptID: String, _ event: PromptEvent) async {
        switch event {
        case .state(let job):
            await moved(job)
        case .message(let type, let data):
            guard tracks[promptID]?.isOver == false,
                let message = MessageTranslator.translate(type, data, of: promptID)
            else { return }
            if message.type == "execution_error" { tracks[promptID]?.hasToldError = true }
            tell(message)
        case .preview: break
        @unknown default: break
        }
    }

    private func moved(_ job: PromptJob) async {
        guard job.state.isFinal else {
            if job.state == .running { startTimer(job) } else { stopTimer(job.promptID) }
            await tellRemaining()
            return
        }
        // From here on the timer finds nothing to end.
        guard let track = tracks.removeValue(forKey: job.promptID) else { return }
        track.timer?.cancel()
        subscriptions[job.promptID] = nil
        await tellRemaining()
        guard !track.isOver else { return }
        try? await tellEnd(of: job, isNews: !track.hasToldError, isSubscribed: track.isSubscribed)
    }

    /// Tells how a prompt ended.
    ///
    /// - Parameters:
    ///   - isNews: Whether a failure has to be told as `execution_error` first.
    ///   - isSubscribed: Whether it is another client's, which has to be told too.
    /// - Throws: `CancellationError` when the connection has ended.
    func tellEnd(of job: PromptJob, isNews: Bool, isSubscribed: Bool = false) async throws {
        let result = WorkflowResult(job, entry: try await entry(of: job))
        if isNews, result.status == .failed {
            let words: JSON = ["exception_message": result.error.map { .string($0) } ?? .null]
            tell(MessageTranslator.executionError(result.executionError ?? words, of: job.promptID))
        }
        var message = SocketMessage.result(job.promptID, result)
        if isSubscribed { message.endOf = nil }
        tell(message)
    }

    /// Tells results that were missed, until one cannot be read.
    ///
    /// - Returns: those that were not told.
    /// - Throws: `CancellationError` when the connection has ended.
    func replay(_ jobs: [PromptJob]) async throws -> [PromptJob] {
        for (index, job) in jobs.enumerated() {
            await outgoing.room()
            try Task.checkCancellation()
            do {
                let entry = try await services.backends.current.history(job.promptID)
                tell(.result(job.promptID, WorkflowResult(job, entry: entry)))
            } catch let error where !(error is CancellationError) {
                // Another one is the first next time: it may be this one alone.
                return jobs[(index + 1)...] + [job]
            }
        }
        return []
    }

    /// Tells results that were missed when they can be read; the client is not made to wait for that.
    func replayLater(_ jobs: [PromptJob]) {
        replaying = Task { [weak self, clock = services.clock] in
            var left = jobs
            while !left.isEmpty, (try? await clock.sleep(for: Self.replayPause)) != nil {
                guard let rest = try? await self?.replay(left) else { return }
                left = rest
            }
        }
    }

    /// The history entry of a prompt that has ended; `nil` when it has none, or nobody can tell.
    private func entry(of job: PromptJob) async throws -> JSON? {
        for look in 1...Self.mostLooks {
            do {
                return try await services.backends.current.history(job.promptID)
            } catch let error where !(error is CancellationError) && !Task.isCancelled {
                guard look < Self.mostLooks else { break }
                try await services.clock.sleep(for: Self.lookPause)
            }
        }
        return nil
    }
}

// MARK: - The time of execution

extension ClientSession {
    private func startTimer(_ job: PromptJob) {
        let timeout = services.timeout
        guard timeout > .zero, let track = tracks[job.promptID], track.timer == nil, !track.isOver else { return }
        let now = services.clock.wallClock.milliseconds
        let executed = max(0, now - (job.startedAt?.milliseconds ?? now))
        let rest = timeout - .milliseconds(executed)
        tracks[job.promptID]?.timer = Task { [clock = services.clock, weak self] in
            if rest > .zero { guard (try? await clock.sleep(for: rest)) != nil else { return } }
            await self?.timedOut(job.promptID)
        }
    }

    private func stopTimer(_ promptID: String) {
        tracks[promptID]?.timer?.cancel()
        tracks[promptID]?.timer = nil
    }

    private func timedOut(_ promptID: String) {
        guard !Task.isCancelled, let track = tracks[promptID], !track.isOver else { return }
        tracks[promptID]?.isOver = true
        tracks[promptID]?.timer = nil
        var message = SocketMessage.timedOut(promptID, after: services.timeout)
        if track.isSubscribed { message.endOf = nil }
        tell(message)
    }
}
