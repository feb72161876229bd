import ComfyUI
import PluginAPI

/// `/api/settings`: the credentials for workers without a pair of their own.
struct SettingsController: Sendable {
    /// What knows the workers.
    let registry: WorkerRegistry

    private static let username = "worker_auth_username"
    private static let password = "worker_auth_password"
    /// The largest body in bytes.
    private static let bodyLimit = 64 << 10

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        let properties: JSONObject = [
            Self.username: ["type": ["string", "null"]], "worker_auth_has_password": ["type": "boolean"],
        ]
        let answer = Schemas.object(properties)
        routes[access: .managingWorkers].get(
            "/api/settings",
            docs: OperationDocs(
                "The credentials for workers without a pair of their own.",
                description: "Each part is the saved one, else that of the configuration; the password is never shown.",
                returns: answer),
            use: show)
        routes[access: .managingWorkers].patch(
            "/api/settings",
            docs: OperationDocs(
                "Changes the saved credentials.",
                description: """
                    Absent and null mean unchanged; an empty text clears the saved part. The saved pair is used when both \
                    parts are there, else the configured pair. Workers are connected to anew at once.
                    """,
                body: [
                    "type": "object",
                    "properties": [
                        Self.username: ["type": ["string", "null"]], Self.password: ["type": ["string", "null"]],
                    ],
                ],
                returns: answer, errors: [(422, "Bad form.")]),
            use: change)
    }

    private func show(_ request: Request) -> JSON {
        let shown = registry.shared.shown
        return [
            Self.username: shown.username.isEmpty ? .null : .string(shown.username),
            "worker_auth_has_password": .bool(!shown.password.isEmpty),
        ]
    }

    private func change(_ request: Request) async throws -> JSON {
        var form = BodyForm(try await BodyForm.object(request, limit: Self.bodyLimit))
        let (username, password) = (form.username(Self.username), form.password(Self.password))
        try form.finish()
        try await registry.shared.change(username: username, password: password)
        registry.changes.set()
        return show(request)
    }
}
