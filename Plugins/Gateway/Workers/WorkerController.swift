import ComfyUI
import PluginAPI

/// `/api/workers`: list, register, change, delete.
struct WorkerController: Sendable {
    /// What knows the workers and their jobs.
    let engine: JobEngine

    private var registry: WorkerRegistry { engine.registry }

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/workers",
            docs: OperationDocs("The workers in order of registration.", returns: ["type": "object"]), use: list)
        routes.post(
            "/api/workers",
            docs: OperationDocs(
                "Registers a worker.",
                description: "One that does not answer is registered too: `healthy` is false and `detail` says why.",
                body: Self.schema(required: ["url"]), returns: ["type": "object"],
                errors: [
                    (409, "A worker with this URL is registered; its `worker_id` is in the answer."),
                    (422, "Bad form."),
                ]
            ), use: register)
        routes.patch(
            "/api/workers/{worker_id}", String.self,
            docs: OperationDocs(
                "Changes a worker.",
                description: "Absent and null mean unchanged; an empty user name or password clears it.",
                body: Self.schema(required: []), returns: ["type": "object"],
                errors: [(404, "No such worker."), (409, "The URL belongs to another worker."), (422, "Bad form.")]),
            use: change)
        routes.delete(
            "/api/workers/{worker_id}", String.self,
            docs: OperationDocs(
                "Deletes a worker.",
                description: "Stored results stay, and prompts that it still has are followed to their end.",
                returns: ["type": "object"], errors: [(404, "No such worker.")]),
            use: remove)
    }

    private static func schema(required: [JSON]) -> JSON {
        let properties: JSON = [
            "url": ["type": "string"], "name": ["type": "string"], "weight": ["type": "integer"],
            "enabled": ["type": "boolean"], "auth_username": ["type": "string"], "auth_password": ["type": "string"],
        ]
        return ["type": "object", "required": .array(required), "properties": properties]
    }

    private func list(_ request: Request) -> JSON {
        let workers = registry.pool.members.map { member -> JSON in
            var body = member.worker.json
            body["healthy"] = .bool(member.health.isHealthy)
            body["breaker"] = .string(member.breaker.state.rawValue)
            body["queue_running"] = .number(JSONNumber(member.load.running))
            body["queue_pending"] = .number(JSONNumber(member.load.pending))
            if let reason = member.health.reason { body["detail"] = .string(reason) }
            return .object(body)
        }
        return ["workers": .array(workers)]
    }

    private func register(_ request: Request) async throws -> JSON {
        let form = try WorkerForm(try await Form.object(request, limit: 1 << 20), isNew: true)
        let url = form.url ?? ""
        let worker = try await registry.add(
            Worker(
                id: form.id ?? PromptID.random(), url: url, name: form.name.flatMap { $0.isEmpty ? nil : $0 } ?? url,
                weight: form.weight ?? 1, enabled: form.enabled ?? true, authUsername: form.authUsername,
                authPassword: form.authPassword.map { Secret($0) }))
        engine.cache.removeAll()
        _ = try? await registry.probe(worker)
        engine.context.logger.notice("worker registered", ["worker.id": worker.id, "worker.url": worker.url])
        var body = worker.json
        let health = registry.pool[worker.id]?.health ?? .unknown
        body["healthy"] = .bool(health.isHealthy)
        if let reason = health.reason { body["detail"] = .string("The worker does not answer: \(reason)") }
        return .object(body)
    }

    private func change(_ request: Request, _ id: String) async throws -> JSON {
        guard registry.find(id) != nil else { throw WorkerError.unknown }
        let form = try WorkerForm(try await Form.object(request, limit: 1 << 20), isNew: false)
        let worker = try await registry.update(id) { worker in
            if let url = form.url { worker.url = url }
            if let name = form.name { worker.name = name.isEmpty ? worker.url : name }
            if let weight = form.weight { worker.weight = weight }
            if let enabled = form.enabled { worker.enabled = enabled }
            if let username = form.authUsername { worker.authUsername = username }
            if let password = form.authPassword { worker.authPassword = Secret(password) }
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

/// The body of a registration or a change.
struct WorkerForm {
    /// The URL in one spelling.
    let url: String?
    /// The id the caller wishes.
    let id: String?
    /// The name.
    let name: String?
    /// The weight.
    let weight: Int?
    /// Whether new jobs go there.
    let enabled: Bool?
    /// The user name; empty clears it.
    let authUsername: String?
    /// The password; empty clears it.
    let authPassword: String?

    /// Checks a body.
    ///
    /// - Throws: ``HTTPError`` 422.
    init(_ body: JSONObject, isNew: Bool) throws {
        var form = Form(body)
        let given = isNew ? form.requiredString("url") : form.string("url")
        url = given.flatMap { WorkerURL($0)?.text }
        if given != nil, url == nil, body["url"]?.stringValue != nil {
            form.reject("url", "Input should be an http or https URL without credentials, query and fragment")
        }
        id = isNew ? form.string("worker_id") ?? form.string("executor_id") : nil
        if let id, !Self.isUsable(id) {
            form.reject("worker_id", "Input should be 1 to 64 letters, digits, dots, hyphens or underscores")
        }
        name = form.string("name")
        weight = form.integer("weight")
        enabled = form.bool("enabled")
        authUsername = form.string("auth_username")
        if authUsername?.contains(":") ?? false { form.reject("auth_username", "A user name has no colon") }
        authPassword = form.string("auth_password")
        try form.finish()
    }

    private static func isUsable(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.".utf8.contains(byte)
            }
    }
}
