internal import PluginAPI

extension JobRun {
    /// Shows a node as running; `parent` is the node it is a part of.
    func begin(_ id: String, parent: String? = nil) {
        board.start(id, parent: parent)
        sendProgressState()
        if parent == nil { server.withState { $0.runningNode = id } }
        send(
            "executing",
            ["node": .string(id), "display_node": .string(parent ?? id), "prompt_id": .string(item.promptID)])
    }

    /// Shows a step, with a preview if one is wanted.
    func step(_ id: String, _ value: Int, of maximum: Int, preview: Bool, parent: String? = nil) throws(Stop) {
        try checkInterrupt()
        board.update(id, value: value, maximum: maximum)
        sendProgressState()
        let previews = preview && settings.previews ? server.hub.socket(of: submitter)?.previews : nil
        if previews == .broken, settings.poison {
            throw .failed(PythonError("AttributeError", "'NoneType' object has no attribute 'get'"))
        }
        let image = {
            PNG.encode(Picture(width: 16, height: 8, count: 1, fill: .solid(UInt32(value % 256) << 16 | 0x80C8)))
        }
        if previews == .withMetadata {
            server.hub.send(
                .submitter(submitter),
                SocketMessage.preview(image(), node: id, shownAs: parent ?? id, prompt: item.promptID))
        }
        server.hub.send(
            .submitterOrEveryone(submitter),
            SocketMessage.event(
                "progress",
                [
                    "value": .number(JSONNumber(value)), "max": .number(JSONNumber(maximum)),
                    "prompt_id": .string(item.promptID), "node": .string(id),
                ]))
        if preview, settings.previews, previews != .withMetadata {
            server.hub.send(.submitterOrEveryone(submitter), SocketMessage.preview(image()))
        }
    }

    /// Shows a part of a node as finished.
    func endPart(_ id: String) {
        board.finish(id)
        sendProgressState()
    }

    /// Waits; a restart ends the wait.
    func pause(_ duration: Duration) async throws(Stop) {
        guard duration > .zero else { return }
        let server = server
        let generation = generation
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await server.clock.sleep(for: duration) }
            group.addTask {
                while !Task.isCancelled, server.isCurrent(generation) {
                    let seen = server.changes.version
                    guard server.isCurrent(generation) else { return }
                    await server.changes.wait(after: seen)
                }
            }
            await group.next()
            group.cancelAll()
        }
        guard server.isCurrent(generation), !Task.isCancelled else { throw .vanished }
    }

    func hangIfAsked() async throws(Stop) {
        while true {
            let seen = server.changes.version
            guard server.isCurrent(generation), !Task.isCancelled else { throw .vanished }
            guard server.withState({ $0.settings.hang }) else { return }
            await server.changes.wait(after: seen)
        }
    }

    func checkInterrupt() throws(Stop) {
        let isInterrupted = server.withState { state in
            defer { state.isInterrupted = false }
            return state.isInterrupted
        }
        if isInterrupted { throw .interrupted }
    }

    func advanceWaiting() async throws(Stop) {
        guard let first = waiting.min(by: { $0.due < $1.due }) else { return }
        let rest = server.clock.now.duration(to: first.due)
        do throws(Stop) {
            try await pause(rest)
            for place in waiting.indices where waiting[place].due <= first.due.advanced(by: .milliseconds(5)) {
                guard !waiting[place].isDone else { continue }
                waiting[place].advance()
                try step(waiting[place].id, waiting[place].done, of: AsynchronousNode.steps, preview: false)
            }
        } catch {
            if let type = item.prompt[first.id]?["class_type"]?.stringValue.flatMap({ catalog[$0] }) {
                conclude(error, first.id, type)
            }
            throw error
        }
    }

    private func sendProgressState() {
        server.hub.send(.submitterOrEveryone(submitter), SocketMessage.event("progress_state", board.data))
    }
}
