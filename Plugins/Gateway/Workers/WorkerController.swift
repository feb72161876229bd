import ComfyUI
import PluginAPI

/// `/api/workers`: list, register, change, delete, probe.
struct WorkerController: Sendable {
    /// What knows the workers and their jobs.
    let engine: JobEngine

    private var registry: WorkerRegistry { engine.registry }

    /// How long a caller waits for a probe; a queue of many megabytes may take longer.
    private static let probeLimit = Duration.seconds(10)
    /// The largest body in bytes.
    private static let bodyLimit = 1 << 20

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/workers",
            docs: OperationDocs(
                "The workers in order of registration.",
                returns: Schemas.object(["workers": Schemas.list(Schemas.workerState)])), use: list)
        routes[access: .managingWorkers].post(
            "/api/workers",
            docs: OperationDocs(
                "Registers a worker.",
                description: "One that does not answer is registered too: `healthy` is false and `detail` says why.",
                body: Self.schema(isNew: true), returns: Schemas.registeredWorker,
                errors: [
                    (409, "A worker with this URL is registered; its `worker_id` is in the answer."),
                    (422, "Bad form."),
                ]
            ), use: register)
        routes[access: .managingWorkers].patch(
            "/api/workers/{worker_id}", String.self,
            docs: OperationDocs(
                "Changes a worker.",
                description: "Absent and null mean unchanged; an empty name, user name or password clears it.",
                body: Self.schema(isNew: false), returns: Schemas.worker,
                errors: [(404, "No such worker."), (409, "The URL belongs to another worker."), (422, "Bad form.")]),
            use: change)
        routes[access: .managingWorkers].delete(
            "/api/workers/{worker_id}", String.self,
            docs: OperationDocs(
                "Deletes a worker.",
                description: "Stored results stay, and prompts that it still has are followed to their end.",
                returns: Schemas.object(["ok": ["type": "boolean"]]), errors: [(404, "No such worker.")]),
            use: remove)
        routes[access: .managingWorkers].post(
            "/api/workers/{worker_id}/health", String.self,
            docs: OperationDocs(
                "Probes a worker now.",
                description: "Answers 200 with the worker as in the list; `detail` says why `healthy` is false.",
                returns: Schemas.workerState, errors: [(404, "No such worker.")]),
            use: probe)
    }

    private static func schema(isNew: Bool) -> JSON {
        let text: JSON = ["type": ["string", "null"]]
        var properties: JSONObject = [
            "url": isNew ? ["type": "string"] : text, "name": text, "weight": ["type": ["integer", "null"]],
            "enabled": ["type": ["boolean", "null"]], "auth_username": text, "auth_password": text,
        ]
        if isNew { properties["worker_id"] = ["type": ["string", "null"], "pattern": "^[A-Za-z0-9._-]{1,64}$"] }
        return ["type": "object", "required": isNew ? ["url"] : [], "properties": .object(properties)]
    }

    private func list(_ request: Request) -> JSON {
        ["workers": .array(registry.pool.members.map { .object(Self.describe($0)) })]
    }

    private static func describe(_ member: WorkerPool.Member) -> JSONObject {
        var body = member.worker.json
        body["healthy"] = .bool(member.health.isHealthy)
        body["breaker"] = .string(member.breaker.state.rawValue)
        body["queue_running"] = .number(JSONNumber(member.load.running))
        body["queue_pending"] = .number(JSONNumber(member.load.pending))
        if let reason = member.health.reason { body["detail"] = .string(reason) }
        return body
    }

    private func register(_ request: Request) async throws -> JSON {
        let form = try WorkerForm(try await BodyForm.object(request, limit: Self.bodyLimit), isNew: true)
        let url = form.url ?? ""
        let worker = try await registry.add(
            Worker(
                id: form.id ?? PromptID.random(), url: url, name: form.name.flatMap { $0.isEmpty ? nil : $0 } ?? url,
                weight: form.weight ?? 1, enabled: form.enabled ?? true, authUsername: form.authUsername,
                authPassword: form.authPassword))
        engine.cache.removeAll()
        engine.context.logger.notice("worker registered", ["worker.id": worker.id, "worker.url": worker.url])
        let problem = await problemNow(worker)
        var body = worker.json
        body["healthy"] = .bool(problem == nil)
        if let problem { body["detail"] = .string("The worker does not answer: \(problem)") }
        return .object(body)
    }

    private func probe(_ request: Request, _ id: String) async throws -> JSON {
        guard let worker = registry.find(id) else { throw WorkerError.unknown }
        let problem = await problemNow(worker)
        guard let member = registry.pool[id], !member.worker.isRemoved else { throw WorkerError.unknown }
        var body = Self.describe(member)
        body["healthy"] = .bool(problem == nil)
        body["detail"] = problem.map { .string($0) }
        return .object(body)
    }

    /// Probes a worker; why it cannot be used, `nil` when it can.
    private func problemNow(_ worker: Worker) async -> String? {
        do {
            _ = try await Deadline.run(Self.probeLimit, clock: engine.context.clock) {
                try await registry.probe(worker)
            }
            return nil
        } catch {
            return registry.pool[worker.id]?.health.reason ?? "\(error)"
        }
    }

    private func change(_ request: Request, _ id: String) async throws -> JSON {
        guard registry.find(id) != nil else { throw WorkerError.unknown }
        let form = try WorkerForm(try await BodyForm.object(request, limit: Self.bodyLimit), isNew: false)
        let worker = try await registry.update(id) { worker in
            if let url = form.url {
                // A name that was made of the URL stays one.
                if worker.givenName == worker.url { worker.givenName = url }
                worker.url = url
            }
            if let name = form.name { worker.givenName = name }
            if let weight = form.weight { worker.weight = weight }
            if let enabled = form.enabled { worker.enabled = enabled }
            if let username = form.authUsername { worker.authUsername = username }
            if let password = form.authPassword { worker.authPassword = password }
        }
        if form.authUsername != nil || form.authPassword != nil {
            engine.context.logger.notice("worker credentials changed", ["worker.id": id])
        }
        engine.cache.removeAll()
        engine.dispatchWakeup.set()
        return .object(worker.json)
    }

    private func remove(_ request: Request, _ id: String) async throws -> JSON {
        try await registry.remove(id)
        engine.context.logger.notice("worker deleted", ["worker.id": id])
        return ["ok": true]
    }
}
