import PluginAPI

/// `GET /api/agent/manifests/{manifest_id}` (seed 001 §3, `spec/agents.md` §6.5): an agent reads the manifest of its task.
struct ManifestReadController: Sendable {
    /// Checks tokens.
    let gate: AgentGate
    /// The manifests.
    let manifests: ManifestStore
    /// Holds each agent to a rate.
    let limits: AgentLimits

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/manifests/{id}", RowID.self,
            docs: OperationDocs(
                "The manifest of the token's task.",
                description: "Needs the task's token. It is shown as it was when the task was made.",
                returns: AgentSchemas.manifest,
                errors: AgentSchemas.agentSide(
                    forbidden: ["AGENT_MANIFEST_FORBIDDEN"], missing: ["AGENT_MANIFEST_NOT_FOUND"])
                    + [(409, "`AGENT_TASK_EXPIRED`"), (422, "The id is no number.")]), use: read)
    }

    private func read(_ request: Request, _ id: RowID) async throws -> JSON {
        let number = try id.value
        guard let task = try await gate.taskOfManifest(number, request) else {
            return .object(try await manifests.find(number).json)
        }
        try limits.requests.count(task.agentID)
        return .object(try await gate.tasks.manifest(of: task.id))
    }
}
