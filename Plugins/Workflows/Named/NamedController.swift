import ComfyUI
import PluginAPI

/// `GET /api/workflows` and `POST /api/workflow[/{name}]`: lists and runs named workflows.
struct NamedController: Sendable {
    /// Where the workflows are.
    let store: WorkflowStore
    /// What runs them.
    let backends: Backends
    let context: PluginContext

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get("/api/workflows", docs: Self.listDocs, use: list)
        routes.post("/api/workflow/{name}", WorkflowName.self, docs: Self.runDocs, use: run)
        routes.post("/api/workflow", docs: Self.rawDocs, use: runRaw)
    }

    private func list(_ request: Request) async throws -> JSON {
        let (names, areMore) = try await store.names()
        let list = JSON.array(names.map { .string($0) })
        var body: JSONObject = ["workflows": list, "templates": list, "total": .number(JSONNumber(names.count))]
        if areMore { body["truncated"] = true }
        return .object(body)
    }

    private func run(_ request: Request, _ name: WorkflowName) async throws -> JSON {
        try Self.checkType(request)
        let file = try await store.workflow(name)
        let change = try WorkflowChange(try await Self.body(request, context))
        var graph = file.graph
        let ignored = try change.apply(to: &graph)
        var prompt = PromptSubmission(prompt: .object(graph))
        prompt.extra["extra_data"] = file.wrapper["extra_data"]
        var answer = try await submit(prompt, request)
        if !ignored.isEmpty { answer["ignored_nodes"] = .array(ignored.map { .string($0) }) }
        return .object(answer)
    }

    private func runRaw(_ request: Request) async throws -> JSON {
        try Self.checkType(request)
        let body = try await Self.body(request, context)
        let file: WorkflowFile
        do throws(WorkflowProblem) { file = try WorkflowFile(body) } catch { throw error.asSent }
        try PromptStructure.check(clientID: file.wrapper["client_id"])
        var prompt = PromptSubmission(prompt: .object(file.graph))
        prompt.clientID = file.wrapper["client_id"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
        for key in Self.passedOn { prompt.extra[key] = file.wrapper[key] }
        return .object(try await submit(prompt, request))
    }

    /// Keys of ComfyUI beside `prompt` that are passed on.
    private static let passedOn = ["extra_data", "front", "number", "partial_execution_targets"]

    private func submit(_ given: PromptSubmission, _ request: Request) async throws -> JSONObject {
        var prompt = given
        prompt.caller = JobCaller.of(
            request.principal, clientID: given.clientID, address: request.clientAddress)
        let clientID = given.clientID ?? "my-api-\(context.clock.wallClock.milliseconds / 1000)"
        prompt.clientID = clientID
        prompt.promptID = PromptID.random()
        WorkflowLog.write(prompt, to: request.logger)
        let answer = try await backends.current.submit(prompt)
        return [
            "status": "success", "prompt_id": .string(answer.promptID), "node_errors": answer.nodeErrors,
            "error": .null, "client_id": .string(clientID),
        ]
    }

    private static func body(_ request: Request, _ context: PluginContext) async throws -> JSON {
        let bytes = try await request.jsonBytes(limit: context.daemon.jsonBodyLimit)
        do {
            return try JSON(parsing: bytes, options: WorkflowFile.parsing)
        } catch {
            throw HTTPError(.badRequest, "http.bad_json", "The body is not JSON: \(error).")
        }
    }

    /// Refuses a body that does not say it is JSON.
    private static func checkType(_ request: Request) throws(HTTPError) {
        let type = (request.headers["content-type"] ?? "").split(separator: ";").first.map(String.init) ?? ""
        let name = String(type.filter { $0 != " " && $0 != "\t" }).lowercased()
        guard name == "application/json" || (name.hasPrefix("application/") && name.hasSuffix("+json")) else {
            throw HTTPError(
                .badRequest, "workflow.not_json", "The Content-Type must be application/json.",
                headers: ["Accept": "application/json"])
        }
    }
}
