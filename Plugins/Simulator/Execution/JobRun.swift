internal import PluginAPI

/// One job from its start to its end.
final class JobRun {
    /// What becomes of the job.
    enum Ending {
        case finished(JobResult)
        /// The thread died with it.
        case died
        /// The process was restarted, or ended; there is nothing to tell and nobody to tell it to.
        case vanished
    }

    /// Why a node did not come to its end.
    enum Stop: Error {
        case interrupted
        case failed(PythonError)
        case vanished
    }

    let server: SimulatedServer
    let item: QueueItem
    let generation: Int
    let settings: SimulatorConfiguration
    let catalog: NodeCatalog
    let submitter: Submitter
    private let cache: ResultCache
    private var signatures: [String: NodeSignature] = [:]
    private var cached: [String: NodeResult] = [:]
    private var board: ProgressBoard
    private var results: [String: NodeResult] = [:]
    private var executed: [String] = []
    private var result = JobResult(status: .success, messages: [], outputs: [:], meta: [:])
    /// Nodes that wait without holding up the others.
    private var waiting: [AsynchronousNode] = []

    init(server: SimulatedServer, item: QueueItem, generation: Int, cache: ResultCache) {
        self.server = server
        self.item = item
        self.generation = generation
        self.cache = cache
        settings = server.settings
        catalog = NodeCatalog(settings: settings, folders: server.folders)
        submitter = item.submitter
        board = ProgressBoard(promptID: item.promptID)
    }

    /// Runs the job.
    func run() async -> Ending {
        if let ending = sicknessAtStart() { return ending }
        note("execution_start", [:])
        if settings.poison, hasBrokenNode { return .died }
        prepareCache()
        note("execution_cached", ["nodes": .strings(item.prompt.keys.filter { cached[$0] != nil })], idFirst: false)
        do throws(Stop) {
            try await runNodes()
            note("execution_success", [:])
        } catch {
            if case .vanished = error { return .vanished }
        }
        server.note("Prompt executed in 0.00 seconds")
        return .finished(result)
    }

    /// Bodies that break the real server: see the README.
    private func sicknessAtStart() -> Ending? {
        guard settings.poison else { return nil }
        switch item.extraData {
        case .null, .number, .bool: return .died
        default: break
        }
        guard let id = item.extraData["client_id"], id.objectValue != nil || id.arrayValue != nil else { return nil }
        server.exit()
        return .vanished
    }

    /// Whether a node, needed or not, has no object of inputs.
    private var hasBrokenNode: Bool {
        item.prompt.contains { $0.value["inputs"]?.objectValue == nil }
    }

    private func prepareCache() {
        signatures = NodeSignature.all(of: item.prompt, catalog: catalog) { _, type, inputs in
            if type.name == "LabAlways" { return self.server.withState { $0.random.next() } }
            guard let name = type.inputs.first(where: { $0.type == .inputImage }).flatMap({ inputs[$0.name]?.stringValue }),
                let path = AnnotatedName(name).path(in: self.server.folders, default: .input),
                let status = Disk.status(path)
            else { return 0 }
            return UInt64(bitPattern: status.modified) ^ UInt64(status.size)
        }
        let known = cache.keep(Set(signatures.values))
        for (id, signature) in signatures { cached[id] = known[signature] }
    }

    private func runNodes() async throws(Stop) {
        let types = NodeLookup(item.prompt, catalog)
        var graph = ExecutionGraph(
            item.prompt, outputs: item.outputs, isCached: { cached[$0] != nil },
            isOutput: { types[$0]?.isOutput == true }, isAsynchronous: { types[$0]?.work == .asynchronous })
        let failing = nodeToFail(graph.rest)
        while true {
            if let id = graph.pick() {
                guard let type = types[id] else { continue }
                if let known = cached[id] {
                    showCached(id, known)
                    graph.complete(id)
                } else if try await start(id, type, mustFail: id == failing) {
                    graph.complete(id)
                }
            } else if let done = waiting.firstIndex(where: \.isDone) {
                let node = waiting.remove(at: done)
                finish(node.id, NodeResult(values: [node.value]))
                graph.complete(node.id)
            } else if waiting.isEmpty {
                return
            } else {
                try await advanceWaiting()
            }
        }
    }

    private func nodeToFail(_ nodes: [String]) -> String? {
        guard settings.failRate > 0, !nodes.isEmpty else { return nil }
        return server.withState { state in
            guard state.random.happens(settings.failRate) else { return nil }
            return nodes[Int.random(in: 0..<nodes.count, using: &state.random)]
        }
    }

    /// Starts a node and, unless it waits on the side, runs it to its end.
    ///
    /// - Returns: Whether it ended.
    private func start(_ id: String, _ type: NodeType, mustFail: Bool) async throws(Stop) -> Bool {
        begin(id)
        do throws(Stop) {
            try await hangIfAsked()
            try checkInterrupt()
            if mustFail { throw Stop.failed(PythonError("RuntimeError", "simulated failure")) }
            let inputs = self.inputs(of: id, type)
            if let blocker = inputs.values.lazy.compactMap(\.blocker).first {
                finishBlocked(id, type, blocker.message)
                return true
            }
            try await pause(settings.nodeDelay)
            if type.work == .asynchronous {
                waiting.append(AsynchronousNode(id: id, inputs: inputs, scale: settings.sleepScale, server.clock.now))
                return false
            }
            let runner = NodeRunner(job: self, id: id, type: type, inputs: inputs)
            finish(id, try await runner.run())
            return true
        } catch {
            conclude(error, id, type)
            throw error
        }
    }

    private func conclude(_ stop: Stop, _ id: String, _ type: NodeType) {
        let place: JSONObject = [
            "prompt_id": .string(item.promptID), "node_id": .string(id), "node_type": .string(type.name),
            "executed": .strings(executed),
        ]
        switch stop {
        case .vanished: break
        case .interrupted:
            result.status = .interrupted
            note("execution_interrupted", place, evenWithoutClient: true)
        case .failed(let error):
            result.status = .error
            var data = place
            data["exception_message"] = .string(error.message + "\n")
            data["exception_type"] = .string(error.type)
            data["traceback"] = ["  File \"simulator\", line 1, in \(type.name)\n"]
            data["current_inputs"] = .object(
                JSONObject(inputs(of: id, type).map { ($0.key, [.string($0.value.text)]) }.sorted { $0.0 < $1.0 }))
            data["current_outputs"] = .strings(item.prompt.keys)
            note("execution_error", data)
        }
    }
}

// MARK: - Progress and time

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
        let image = { PNG.encode(Picture(width: 16, height: 8, count: 1, fill: .solid(UInt32(value % 256) << 16 | 0x80C8))) }
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

    private func hangIfAsked() async throws(Stop) {
        while true {
            let seen = server.changes.version
            guard server.isCurrent(generation), !Task.isCancelled else { throw .vanished }
            guard server.withState({ $0.settings.hang }) else { return }
            await server.changes.wait(after: seen)
        }
    }

    private func checkInterrupt() throws(Stop) {
        let isInterrupted = server.withState { state in
            defer { state.isInterrupted = false }
            return state.isInterrupted
        }
        if isInterrupted { throw .interrupted }
    }

    private func advanceWaiting() async throws(Stop) {
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

// MARK: - Results

extension JobRun {
    /// The values of a node's inputs.
    func inputs(of id: String, _ type: NodeType) -> [String: NodeValue] {
        var values: [String: NodeValue] = [:]
        for (name, value) in item.prompt[id]?["inputs"]?.objectValue ?? [:] {
            guard type.visibleInputs.contains(where: { $0.name == name }) else { continue }
            guard let link = Link(value), let source = results[link.node] ?? cached[link.node] else {
                values[name] = .json(value)
                continue
            }
            let slot = link.slot < 0 ? link.slot.addingReportingOverflow(source.values.count).partialValue : link.slot
            values[name] = source.values.indices.contains(slot) ? source.values[slot] : .opaque("NoneType")
        }
        return values
    }

    private func finish(_ id: String, _ given: NodeResult) {
        results[id] = given
        executed.append(id)
        if let signature = signatures[id] { cache.store(given, for: signature) }
        if let ui = given.ui { show(id, ui) }
        endPart(id)
    }

    private func finishBlocked(_ id: String, _ type: NodeType, _ message: String?) {
        if let message {
            send(
                "execution_error",
                [
                    "prompt_id": .string(item.promptID), "node_id": .string(id), "node_type": .string(type.name),
                    "executed": .strings(executed), "exception_message": .string("Execution Blocked: \(message)"),
                    "exception_type": "ExecutionBlocked", "traceback": [], "current_inputs": [],
                    "current_outputs": [],
                ])
        }
        finish(id, NodeResult(values: type.outputs.map { _ in .blocked(nil) }))
    }

    private func showCached(_ id: String, _ known: NodeResult) {
        if let ui = known.ui { show(id, ui) }
        endPart(id)
    }

    private func show(_ id: String, _ ui: JSON) {
        result.outputs[id] = ui
        result.meta[id] = [
            "node_id": .string(id), "display_node": .string(id), "parent_node": .null, "real_node_id": .string(id),
        ]
        send(
            "executed",
            [
                "node": .string(id), "display_node": .string(id), "output": ui, "prompt_id": .string(item.promptID),
            ])
    }

    private func send(_ type: String, _ data: @autoclosure () -> JSON) {
        server.hub.send(.submitter(submitter), SocketMessage.event(type, data()))
    }

    /// Sends a message that the history keeps too.
    private func note(
        _ type: String, _ data: JSONObject, idFirst: Bool = true, evenWithoutClient: Bool = false
    ) {
        var full: JSONObject = idFirst ? ["prompt_id": .string(item.promptID)] : [:]
        for (key, value) in data { full[key] = value }
        full["prompt_id"] = .string(item.promptID)
        full["timestamp"] = .number(JSONNumber(Int(server.clock.wallClock.milliseconds)))
        result.messages.append([.string(type), .object(full)])
        let audience: SocketHub.Audience = evenWithoutClient ? .submitterOrEveryone(submitter) : .submitter(submitter)
        server.hub.send(audience, SocketMessage.event(type, .object(full)))
    }
}

extension NodeValue {
    /// Set when the value blocks what depends on it.
    fileprivate var blocker: (message: String?, Void)? {
        if case .blocked(let message) = self { return (message, ()) }
        return nil
    }
}

/// The classes of a prompt's nodes.
private struct NodeLookup: Sendable {
    private let types: [String: NodeType]

    init(_ prompt: JSONObject, _ catalog: NodeCatalog) {
        var types: [String: NodeType] = [:]
        for (id, node) in prompt { types[id] = node["class_type"]?.stringValue.flatMap { catalog[$0] } }
        self.types = types
    }

    subscript(id: String) -> NodeType? { types[id] }
}
