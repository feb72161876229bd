import ComfyUI
import PluginAPI

/// What a client may ask for.
extension ClientSession {
    /// How many prompts of other client ids a connection may follow.
    private static let mostSubscriptions = 100
    /// How many refused prompts are remembered, whose last event may still come.
    private static let mostRefused = 1000

    /// Hands a workflow in and tells the answer; what happens to it comes after that.
    func submit(_ workflow: JSON, _ reference: JSON?) async {
        let promptID = PromptID.random()
        tracks[promptID] = PromptTrack(held: [])
        do {
            let answer = try await services.submitter.submit(workflow, from: sender, promptID: promptID)
            var message = SocketMessage.system("The workflow is submitted.", promptID: promptID)
            message.data["number"] = answer.number
            if answer.nodeErrors.objectValue?.isEmpty == false { message.data["node_errors"] = answer.nodeErrors }
            tell(message.echoing(reference))
            await tellRemaining(always: true)
            await release(promptID)
        } catch {
            forget(refused: promptID)
            let failure = V1Failures.httpError(error)
            if failure.status.code >= 500 {
                services.logger.warning("a submission failed", ["error": "\(failure)"])
            }
            tell(.refused(failure).echoing(reference))
        }
    }

    /// Tells nothing more about a prompt that was refused, until its last event.
    private func forget(refused promptID: String) {
        tracks[promptID] = PromptTrack(isOver: true, isRefused: true)
        let refused = tracks.filter(\.value.isRefused)
        guard refused.count > Self.mostRefused else { return }
        for promptID in refused.keys { tracks[promptID] = nil }
    }

    /// Interrupts a prompt, or takes it out of its queue.
    func interrupt(_ promptID: String) async {
        do {
            try await services.interrupter.interrupt(promptID, for: principal, by: actor)
            tell(.system("The workflow is interrupted.", promptID: promptID))
        } catch {
            tell(.problem(V1Failures.httpError(error), promptID: promptID))
        }
    }

    /// Tells about a prompt that was submitted under another client id, or how it ended.
    func subscribe(_ promptID: String) async {
        do {
            let backend = services.backends.current
            guard let job = try await backend.job(promptID) else { throw WorkflowReader.unknown(promptID) }
            try JobCaller.check(job.caller, principal)
            tell(.system("The workflow is followed.", promptID: promptID))
            let isOwn = job.clientID == clientID
            if job.state.isFinal {
                if tracks[promptID] == nil { try await tellEnd(of: job, isNews: false, isSubscribed: !isOwn) }
                return
            }
            // Its own prompts are told about anyway.
            if isOwn || tracks[promptID] != nil { return }
            guard subscriptions.count < Self.mostSubscriptions else {
                throw HTTPError(
                    .tooManyRequests, .webSocket, "A connection follows at most \(Self.mostSubscriptions) workflows.")
            }
            let events = try await backend.follow(promptID)
            guard tracks[promptID] == nil else { return }
            tracks[promptID] = PromptTrack(isSubscribed: true)
            subscriptions[promptID] = Task { [weak self] in
                for await event in events { await self?.take(promptID, event) }
            }
        } catch {
            tell(.problem(V1Failures.httpError(error), promptID: promptID))
        }
    }
}
