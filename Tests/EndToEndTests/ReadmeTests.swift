import PluginAPI
import Testing

@Suite("what the README promises")
struct ReadmeTests {
    @Test("its commands run against a demo cluster, and bring an image")
    func demo() async throws {
        let result = try await runCommands(of: "README.md")
        #expect(result.output.contains("prompt_id"), "\(result)")
        #expect(result.output.contains("simulator-1") && result.output.contains("simulator-2"))
    }

    @Test("the commands of the gateway's guide run against a demo cluster, and show a job's story")
    func guide() async throws {
        let result = try await runCommands(of: "docs/gateway.md")
        #expect(result.output.contains(#""verdict":"chosen""#), "\(result)")
        #expect(result.output.contains("event: state"), "\(result)")
    }

    /// Runs the commands of pages, one after the other, against a demo cluster.
    private func runCommands(of pages: String...) async throws -> CommandResult {
        let commands = try pages.flatMap { page in
            let blocks = MarkdownBlocks(page: try Files.text(Places.repository + "/" + page))
            let commands = blocks.of("tested").filter { $0.name == "demo" && $0.language == "sh" }
            try #require(!commands.isEmpty, "\(page)")
            return commands
        }
        return try await withDemo { gateway in
            let folder = try TemporaryDirectory()
            // A refused request must not pass for an answer.
            let head = """
                set -euo pipefail
                curl() { command curl --fail-with-body "$@"; }
                admin_token='\(try gateway.adminToken)'

                """
            let script = head + commands.map(\.text).joined(separator: "\n")
            let text = script.replacing("127.0.0.1:8000", with: "127.0.0.1:\(gateway.port)")
            let file = try folder.write("readme.sh", text)
            let result = try await run("bash", [file], directory: folder.path, within: 60)
            #expect(result.status == .code(0), "\(result)")
            return result
        }
    }

    @Test("workers of the configuration are registered once, however often the daemon starts")
    func listedWorkers() async throws {
        try await withDemo { gateway in
            let names: @Sendable (DaemonProcess) async throws -> [String] = { daemon in
                let workers = try await daemon.probe.get("/api/workers").json["workers"]?.arrayValue ?? []
                return workers.compactMap { $0["name"]?.stringValue }
            }
            #expect(try await names(gateway) == ["simulator-1", "simulator-2"])
            try await gateway.terminate()
            let again = try await DaemonProcess.start(nil, in: gateway.directory)
            defer { again.end() }
            #expect(try await names(again) == ["simulator-1", "simulator-2"])
        }
    }

    @Test("the commands of the guide of /api/v1 run against a demo cluster, and bring a result with its image")
    func v1Guide() async throws {
        let result = try await runCommands(of: "docs/api-v1.md")
        #expect(result.output.contains(#""status":"completed""#), "\(result)")
        #expect(result.output.contains(#""count":1"#), "\(result)")
        #expect(result.output.contains(#""pending_count":0"#), "\(result)")
    }

    @Test("the commands of the workflows' guide run against a demo cluster, and bring an image")
    func workflowsGuide() async throws {
        let result = try await runCommands(of: "docs/workflows.md")
        #expect(result.output.contains(#""status":"completed""#), "\(result)")
        #expect(result.output.contains(#""workflows":["my_bear","text_to_image"]"#), "\(result)")
    }

    @Test("the commands of the catalogs' guide run against a demo cluster, and show a row and its story")
    func catalogsGuide() async throws {
        let result = try await runCommands(of: "docs/catalogs.md")
        #expect(result.output.contains(#""display_name":"Cup print""#), "\(result)")
        #expect(result.output.contains(#""action":"create""#), "\(result)")
    }

    @Test("the commands of the guide of agents run against a demo cluster: an agent is heard, a task is cancelled")
    func agentsGuide() async throws {
        let result = try await runCommands(of: "docs/agents.md")
        #expect(result.output.contains(#""online":true"#), "\(result)")
        #expect(result.output.contains(#""message":"cancelled by admin""#), "\(result)")
    }

    @Test("the commands of the guide of alerts go on from those of the agents: an alert is taken, listed, acknowledged")
    func alertsGuide() async throws {
        let result = try await runCommands(of: "docs/agents.md", "docs/alerts.md")
        #expect(result.output.contains(#""status":"ok","id":1"#), "\(result)")
        #expect(result.output.contains(#""acknowledged_by":"admin""#), "\(result)")
    }

    /// The demo of `run.sh`: two simulated servers, a gateway whose configuration lists them, and the example workflow.
    private func withDemo<T>(_ body: (DaemonProcess) async throws -> T) async throws -> T {
        try await withSlots(3) {
            let servers = try await concurrently([1, 2]) {
                try await SimulatedServer.start("simulator-\($0)", settings: "")
            }
            defer { for server in servers { server.daemon.end() } }
            let list = servers.map { "      - { url: \"\($0.url)\", name: \($0.name) }" }.joined(separator: "\n")
            let directory = try TemporaryDirectory()
            directory.folder("workflows")
            let example = "workflows/text_to_image.json"
            try directory.write(example, try Files.text("\(Places.repository)/packaging/\(example)"))
            let gateway = try await DaemonProcess.start(
                """
                plugins:
                  workflows: { directory: ./workflows }
                  catalogs: {}
                  agents: { push_targets: [any, 127.0.0.0/8] }
                  alerts: {}
                  gateway:
                    workers:
                \(list)
                """, in: directory)
            defer { gateway.end() }
            return try await body(gateway)
        }
    }
}
