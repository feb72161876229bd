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
    let cache: ResultCache
    var signatures: [String: NodeSignature] = [:]
    var cached: [String: NodeResult] = [:]
    var board: ProgressBoard
    var results: [String: NodeResult] = [:]
    var executed: [String] = []
    var result = JobResult(status: .success, messages: [], outputs: [:], meta: [:])
    /// Nodes that wait without holding up the others.
    var waiting: [AsynchronousNode] = []

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
        let started = server.clock.now
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
        server.note("Prompt executed in \(Self.rounded(started.duration(to: server.clock.now))) seconds")
        return .finished(result)
    }

    /// Seconds with two decimals.
    private static func rounded(_ duration: Duration) -> String {
        let hundredths = duration.inNanoseconds / 10_000_000
        return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
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
            guard let name = type.imageInput.flatMap({ inputs[$0]?.stringValue }),
                let path = AnnotatedName(name).path(in: self.server.folders, default: .input),
                let status = Disk.status(path)
            else { return 0 }
            return UInt64(bitPattern: status.modified) ^ UInt64(status.size)
        }
        let known = cache.keep(signatures.values)
        guard !known.isEmpty else { return }
        for (id, signature) in signatures {
            if let result = known[signature] { cached[id] = result }
        }
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

    func conclude(_ stop: Stop, _ id: String, _ type: NodeType) {
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

/// The classes of a prompt's nodes.
private struct NodeLookup: Sendable {
    private let types: [String: NodeType]

    init(_ prompt: JSONObject, _ catalog: NodeCatalog) {
        var types = [String: NodeType](minimumCapacity: prompt.count)
        for (id, node) in prompt { types[id] = node["class_type"]?.stringValue.flatMap { catalog[$0] } }
        self.types = types
    }

    subscript(id: String) -> NodeType? { types[id] }
}
