internal import PluginAPI

/// `POST /prompt` and `GET /prompt`.
struct PromptController: Sendable {
    let server: SimulatedServer

    func declare(in routes: inout MethodTable) {
        routes.addTwice(.get, "/prompt", "Tells how many jobs are left.") { _ in
            Answer.json(SocketMessage.queue(server.withState { $0.remaining }))
        }
        routes.addTwice(.post, "/prompt", "Queues a prompt.", post)
    }

    private func post(_ request: Request) async throws -> Response {
        let (mustRefuse, mustDrop) = server.withState { state in
            (state.settings.refusePrompts, state.random.happens(state.settings.dropPromptAnswers))
        }
        if mustRefuse {
            server.metrics.prompts.increment("refused")
            return Answer.exception
        }
        let body = try await request.pythonJSON()
        server.note("got prompt")
        let response = try accept(body)
        server.metrics.prompts.increment(response.status.isSuccess ? (mustDrop ? "dropped" : "accepted") : "refused")
        return mustDrop && response.status.isSuccess ? Answer.nothing(.ok) : response
    }

    private func accept(_ body: JSON) throws(PythonError) -> Response {
        let number = try number(of: body)
        guard try body.contains(key: "prompt") else { return refusal(PromptError.noPrompt) }
        let prompt = try body.item("prompt")
        let promptID = body["prompt_id"].map(Python.str) ?? server.withState { $0.random.uuid() }
        let verdict = try PromptValidator(catalog: server.catalog).validate(
            prompt, targets: body["partial_execution_targets"])
        let extraData = try extraData(of: body)
        if let error = verdict.error { return refusal(error, verdict.nodeErrors) }
        let item = QueueItem(
            number: number, promptID: promptID, prompt: verdict.prompt, extraData: extraData, outputs: verdict.outputs)
        try enqueue(item)
        return Answer.json([
            "prompt_id": .string(promptID), "number": .number(number), "node_errors": .object(verdict.nodeErrors),
        ])
    }

    private func refusal(_ error: JSON, _ nodeErrors: JSONObject = [:]) -> Response {
        server.withState { $0.totals.refused += 1 }
        return Answer.json(["error": error, "node_errors": .object(nodeErrors)], status: .badRequest)
    }

    /// The place in the queue: as given, or from the counter, which refused prompts use up too.
    private func number(of body: JSON) throws(PythonError) -> JSONNumber {
        if try body.contains(key: "number") { return JSONNumber(try Python.float(try body.item("number"))) }
        let mustLead = try body.contains(key: "front") ? Python.truth(try body.item("front")) : false
        return server.withState { state in
            defer { state.counter += 1 }
            return JSONNumber(mustLead ? -state.counter : state.counter)
        }
    }

    private func extraData(of body: JSON) throws(PythonError) -> JSON {
        var extraData = body["extra_data"] ?? [:]
        guard let clientID = body["client_id"] else { return extraData }
        guard extraData.objectValue != nil else {
            let name = Python.typeName(extraData)
            throw PythonError("TypeError", "'\(name)' object does not support item assignment")
        }
        extraData["client_id"] = clientID
        return extraData
    }

    private func enqueue(_ item: QueueItem) throws(PythonError) {
        server.runs.add(.accepted, item.promptID)
        let isOrdered = server.withState { state -> Bool in
            state.totals.accepted += 1
            do throws(QueueItem.NotComparable) {
                try state.queue.push(item)
                return true
            } catch {
                return !state.settings.poison
            }
        }
        server.work.notify()
        guard isOrdered else {
            // It is queued nevertheless, as in the real server, which tells nobody.
            throw PythonError("TypeError", "'<' not supported between instances of 'dict' and 'dict'")
        }
        server.announceStatus()
    }
}
