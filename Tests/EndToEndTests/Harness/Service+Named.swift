import PluginAPI

extension Service {
    /// Keeps a workflow as `named`, runs it, and gives the prompt's id.
    @discardableResult
    func run(_ workflow: String, _ body: JSON, _ check: (HTTPAnswer) throws -> Void = { _ in }) async throws -> String {
        try directory.write("workflows/named.json", workflow)
        let answer = try await probe.post("/api/workflow/named", body)
        guard answer.status == 200, let id = answer.json["prompt_id"]?.stringValue else {
            throw Refused(answer: answer)
        }
        try check(answer)
        return id
    }

    /// Waits until a prompt has a status, and gives the answer.
    @discardableResult
    func taskStatus(_ id: String, becomes status: String, within seconds: Double = 30) async throws -> JSON {
        try await eventually("\(id) is \(status)\n\(daemon.tail)", within: seconds) {
            let answer = try await self.probe.get("/api/task_status/\(id)")
            guard answer.status == 200 else { throw Refused(answer: answer) }
            return answer.json["status"] == .string(status) ? answer.json : JSON?.none
        }
    }
}
