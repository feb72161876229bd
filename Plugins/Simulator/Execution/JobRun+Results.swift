internal import PluginAPI

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

    func finish(_ id: String, _ given: NodeResult) {
        results[id] = given
        executed.append(id)
        if let signature = signatures[id] { cache.store(given, for: signature) }
        if let ui = given.ui { show(id, ui) }
        endPart(id)
    }

    func finishBlocked(_ id: String, _ type: NodeType, _ message: String?) {
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

    func showCached(_ id: String, _ known: NodeResult) {
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

    func send(_ type: String, _ data: @autoclosure () -> JSON) {
        server.hub.send(.submitter(submitter), SocketMessage.event(type, data()))
    }

    /// Sends a message that the history keeps too.
    func note(
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
    var blocker: (message: String?, Void)? {
        if case .blocked(let message) = self { return (message, ()) }
        return nil
    }
}
