import PluginAPI
import Testing

/// Requests made of `/openapi.json`, sent to a running daemon: each answer must be one that the document describes.
@Suite("the routes do what the OpenAPI document says")
struct SchemathesisTests {
    /// The plugins beside the gateway whose routes are tried; ``withService(_:servers:settings:workflows:gateway:top:in:environment:_:)``
    /// has them too.
    private static let plugins = ["workflows"]

    private static let checks = [
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
        "response_schema_conformance",
    ]

    /// The host's routes that would end what is tested: other plugins, or none, would answer from then on.
    private static let switches: Set = [
        "post_api_admin_plugins_name_enable", "post_api_admin_plugins_name_disable", "post_api_admin_reload",
    ]

    @Test("what is read of a job that exists")
    func reading() async throws {
        try await withCluster(servers: 1, others: Self.plugins) { cluster in
            let id = try await cluster.submit(Workflow.image("known"))
            try await cluster.ended(id)
            let queued = try await cluster.queue(Workflow.image("later"), priority: 1)
            try await cluster.gatewayJob(queued, becomes: "done")
            try await Self.run(
                cluster.gateway,
                configuration: """
                    [parameters]
                    "path.id" = "\(id)"
                    "path.prompt_id" = "\(id)"
                    "path.gateway_job_id" = "\(queued)"
                    "query.prompt_id" = "\(id)"
                    "query.filename" = "known_00001_.png"
                    """,
                ["--include-method", "GET", "--phases", "fuzzing", "--max-examples", "15"])
        }
    }

    @Test("all routes, with right and wrong requests", arguments: ServiceKind.allCases)
    func everything(on kind: ServiceKind) async throws {
        try await withService(kind) { service in
            // Requests also disable and delete the workers, and then 503 is the truth; no other 5xx is.
            let expected = kind == .cluster ? #""2xx", "3xx", "4xx", 503"# : #""2xx", "3xx", "4xx""#
            try await Self.run(
                service.daemon,
                configuration: "[checks.not_a_server_error]\nexpected-statuses = [\(expected)]",
                ["--phases", "examples,coverage,fuzzing", "--max-examples", "60"])
        }
    }

    @Test("the catalogs, with right and wrong requests", arguments: ServerSource.allCases)
    func catalogs(_ source: ServerSource) async throws {
        let gitHub = try LocalServer { _ in .json([["name": "v1", "commit": ["sha": "1"]]]) }
        try await withCatalogs(source, settings: "versions: { api_base: \"\(gitHub.url)\" }") { service in
            let paths = ["--include-path-regex", "^/api/admin/comfyui/"]
            // It finds out by itself which servers there are; of the one that is not there 502 is the truth.
            let expected = "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", 502]"
            try await Self.run(
                service.daemon, configuration: expected,
                paths + ["--phases", "examples,coverage,fuzzing", "--max-examples", "25"])
            // What is read of rows and servers that are there.
            for catalog in CatalogTests.catalogs {
                #expect(try await service.post(catalog.path, .object(catalog.body)).status == 200)
            }
            let known = """
                \(expected)
                [parameters]
                "query.executorId" = "sim-1"
                "query.executorIds" = ["sim-1"]
                """
            try await Self.run(
                service.daemon, configuration: known,
                paths + ["--include-method", "GET", "--phases", "fuzzing", "--max-examples", "15"])
        }
    }

    @Test("agents, manifests and tasks, on the side of the administrator and on that of the agents")
    func agents() async throws {
        let debug = "a-debug-token-of-this-test"
        let configuration = "plugins: { agents: { development: true, debug_tokens: [\(debug)] } }"
        try await withDaemon(configuration) { daemon in
            let known: [(String, JSON)] = [
                ("agents", ["id": "a"]), ("manifests", ["role": "full", "version": "1"]),
                ("tasks?push=false", ["agentId": "a", "taskId": "t", "manifestId": 1]),
            ]
            for (path, body) in known {
                let made = try await daemon.admin.post("/api/admin/comfyui/\(path)", body)
                #expect(made.status == 200, "\(made)")
            }
            let phases = ["--phases", "examples,coverage,fuzzing", "--max-examples", "25"]
            // Where no plugin takes alerts, 503 is the truth.
            let parameters = """
                [checks.not_a_server_error]
                expected-statuses = ["2xx", "3xx", "4xx", 503]
                [parameters]
                "path.agent_id" = "a"
                "path.task_id" = "t"
                "path.id" = 1
                """
            try await Self.run(
                daemon, token: debug, configuration: parameters, ["--include-path-regex", "^/api/agent/"] + phases)
            // Of an agent that cannot be reached, 502 is.
            try await Self.run(
                daemon,
                configuration: "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", 502]",
                ["--include-path-regex", "^/api/admin/comfyui/"] + phases)
        }
    }

    @Test("alerts, with and without a plugin that knows agents", arguments: [true, false])
    func alerts(hasAgents: Bool) async throws {
        let debug = "a-debug-token-of-this-test"
        let agents = hasAgents ? "agents: { development: true, debug_tokens: [\(debug)] }, " : ""
        try await withDaemon("plugins: { \(agents)alerts: { rate_limit: 6000 } }") { daemon in
            if hasAgents {
                _ = try await daemon.admin.post("/api/admin/comfyui/agents", ["id": "a"])
                let alert: JSON = ["type": "t", "message": "m"]
                let taken = try await daemon.probe.bearing(debug).post("/api/agent/agents/a/alerts", alert)
                #expect(taken.status == 200, "\(taken)")
            }
            let phases = ["--phases", "examples,coverage,fuzzing", "--max-examples", "60"]
            // Where nobody knows agents, 503 is the truth for them; for the administrator no 5xx ever is.
            let expected = hasAgents ? "" : ", 503"
            let side = """
                [checks.not_a_server_error]
                expected-statuses = ["2xx", "3xx", "4xx"\(expected)]
                [parameters]
                "path.agent_id" = "a"
                """
            try await Self.run(
                daemon, token: debug, configuration: side, ["--include-path-regex", "^/api/agent/.*/alerts$"] + phases)
            let admin = """
                [checks.not_a_server_error]
                expected-statuses = ["2xx", "3xx", "4xx"]
                """
            let paths = ["--include-path-regex", "^/api/admin/comfyui/alerts"]
            try await Self.run(daemon, configuration: admin, paths + phases)
            // What is read of an alert that is there.
            guard hasAgents else { return }
            try await Self.run(
                daemon, configuration: admin + "\n[parameters]\n\"path.id\" = 1",
                paths + ["--phases", "fuzzing", "--max-examples", "25"])
            let row = try await daemon.admin.get("/api/admin/comfyui/alerts/1").json
            #expect(row["acknowledged_by"] == "admin", "\(row)")
        }
    }

    /// Runs schemathesis, as the administrator unless another token is given; its own report is the failure.
    private static func run(
        _ daemon: DaemonProcess, token: String? = nil, configuration: String, _ options: [String]
    ) async throws {
        // A folder of its own, because it replays what it remembers of the working directory.
        let folder = try TemporaryDirectory()
        let document = try await daemon.probe.get("/openapi.json").json
        let excluded = unsuited(document) + switches
        let result = try await EndToEndTests.run(
            TestTools.schemathesis,
            [
                "--no-color", "--config-file", try folder.write("schemathesis.toml", configuration),
                "run", "http://127.0.0.1:\(daemon.port)/openapi.json",
                "--header", "Authorization: Bearer \(try token ?? daemon.adminToken)",
                "--checks", checks.joined(separator: ","), "--generation-deterministic", "--continue-on-failure",
                "--request-timeout", "\(20 * Places.patience)",
            ] + excluded.flatMap { ["--exclude-operation-id", $0] } + options,
            environment: ["PYTHONUNBUFFERED": "1"], directory: folder.path, within: 150)
        let report = "\(result)\n\(TestTools.advice)\n\(daemon.tail)"
        #expect(result.status == .code(0), "\(report)")
        #expect(!result.output.contains(" 0 generated"), "\(report)")
        #expect(daemon.isRunning, "\(report)")
    }

    /// The operations it cannot speak to: it knows no WebSockets, and waits for the end of a stream of events.
    private static func unsuited(_ document: JSON) -> [String] {
        let operations = (document["paths"]?.objectValue?.values ?? []).flatMap { $0.objectValue?.values ?? [] }
        return operations.filter { operation in
            let content = operation["responses"]?["200"]?["content"]
            return operation["x-websocket"] == true || content?["text/event-stream"] != nil
        }.compactMap { $0["operationId"]?.stringValue }
    }
}
