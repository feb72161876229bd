package import PluginAPI

/// What the admin API may do with the daemon.
package protocol DaemonControl: Sendable {
    /// All plugins: enabled ones with their state, and those that could be enabled.
    func plugins() async -> [PluginSummary]
    /// Writes the switch into the configuration file and applies it.
    ///
    /// - Throws: ``PluginProblems`` when the new set cannot run; then nothing changed.
    func setPlugin(_ name: String, enabled: Bool) async throws
    /// Reads configuration and certificates again and applies them.
    func reload() async throws
}

/// One plugin in `GET /api/admin/plugins`.
package struct PluginSummary: Sendable {
    package var name: String
    package var version: String?
    package var summary: String?
    package var path: String
    package var enabled: Bool
    package var state: String
    package var reason: String?

    package init(
        name: String, version: String? = nil, summary: String? = nil, path: String, enabled: Bool, state: String,
        reason: String? = nil
    ) {
        self.name = name
        self.version = version
        self.summary = summary
        self.path = path
        self.enabled = enabled
        self.state = state
        self.reason = reason
    }

    /// The JSON schema of ``json``; a plugin that is gone from the file has its name and `enabled` alone.
    static let schema: JSON = [
        "type": "object", "required": ["name", "enabled"],
        "properties": [
            "name": ["type": "string"], "enabled": ["type": "boolean"], "state": ["type": "string"],
            "path": ["type": "string"], "version": ["type": "string"], "summary": ["type": "string"],
            "reason": ["type": "string"],
        ],
    ]

    var json: JSON {
        var object: JSONObject = [
            "name": .string(name), "enabled": .bool(enabled), "state": .string(state), "path": .string(path),
        ]
        if let version { object["version"] = .string(version) }
        if let summary { object["summary"] = .string(summary) }
        if let reason { object["reason"] = .string(reason) }
        return .object(object)
    }
}

/// The host's own admin API, for the administrator alone.
package struct AdminRoutes: Sendable {
    private let source: Deferred<any DaemonControl>

    init(control: Deferred<any DaemonControl>) {
        source = control
    }

    private var control: any DaemonControl {
        get throws {
            guard let control = source.value else {
                throw HTTPError(.serviceUnavailable, "host.starting", "The daemon is starting.")
            }
            return control
        }
    }

    /// The declared routes.
    package var routes: [RouteDeclaration] {
        var root = RouteGroup(prefix: "/api/admin", access: .admin)
        root.get(
            "/plugins",
            docs: OperationDocs(
                "Lists plugins with their state.",
                returns: [
                    "type": "object", "required": ["plugins"],
                    "properties": ["plugins": ["type": "array", "items": PluginSummary.schema]],
                ]), use: listPlugins)
        for (word, enabled) in [("enable", true), ("disable", false)] {
            let docs = OperationDocs(
                "\(word.prefix(1).uppercased())\(word.dropFirst())s a plugin, in the file too.",
                returns: PluginSummary.schema, errors: [(404, "There is no such plugin."), Self.notApplied])
            root.post("/plugins/{name}/\(word)", String.self, docs: docs) { _, name in
                try await switchPlugin(name, enabled: enabled)
            }
        }
        root.post(
            "/reload",
            docs: OperationDocs(
                "Reads the configuration again and applies it, as SIGHUP does.",
                returns: [
                    "type": "object", "required": ["reloaded"], "properties": ["reloaded": ["type": "boolean"]],
                ], errors: [Self.notApplied]), use: reload)
        return root.routes
    }

    private static let notApplied = (status: 409, reason: "The configuration cannot run; nothing was changed.")

    private func listPlugins(_ request: Request) async throws -> JSON {
        ["plugins": .array(try await control.plugins().map(\.json))]
    }

    private func switchPlugin(_ name: String, enabled: Bool) async throws -> JSON {
        try await apply { try await control.setPlugin(name, enabled: enabled) }
        let plugin = try await control.plugins().first { $0.name == name }
        return plugin?.json ?? ["name": .string(name), "enabled": .bool(enabled)]
    }

    private func reload(_ request: Request) async throws -> JSON {
        try await apply { try await control.reload() }
        return ["reloaded": true]
    }

    /// A configuration that cannot run is the operator's to mend: 409 with every problem.
    private func apply(_ change: () async throws -> Void) async throws {
        do {
            try await change()
        } catch let error as HTTPError {
            throw error
        } catch {
            throw HTTPError(.conflict, "host.not_applied", "\(error)", cause: error)
        }
    }
}
