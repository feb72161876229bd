import Glibc
import PluginAPI
import Testing

@Suite("the WebSocket of /api/v1")
struct V1SocketTests {
    @Test("a workflow's story has every step in order and one result", arguments: ServiceKind.allCases)
    func story(_ kind: ServiceKind) async throws {
        try await withService(kind) { service in
            let client = try await SocketClient(service, "my_client_id")
            let hello = try await client.first("system")
            #expect(hello.data["client_id"] == "my_client_id")
            #expect(hello.data["message"]?.stringValue?.isEmpty == false)
            let status = try await client.first("status")
            #expect(status.data["sid"] == "my_client_id")
            #expect(status.data["status"]?["exec_info"]?["queue_remaining"] == 0)

            let id = try await client.submit(Workflow.slow("story", seconds: 0.4, steps: 4), reference: "a")
            let result = try await client.result(of: id)
            #expect(result["success"] == true)
            #expect(result["error"] == .some(.null))
            #expect(result["outputs"]?["9"]?["images"]?[0]?["subfolder"] == "")
            try await client.settle()
            let told = client.messages.filter { $0.promptID == id }
            #expect(told.first?.type == "system")
            #expect(told.last?.type == "result")
            #expect(client.results(of: id) == 1)
            let nodes = told.filter { $0.type == "executing" }.map { $0.data["node"] }
            #expect(nodes == ["1", "5", "9"])
            let progress = told.filter { $0.type == "progress" && $0.data["node"] == "5" }
            #expect(progress.map { $0.data["value"]?.intValue } == [1, 2, 3, 4])
            #expect(progress.allSatisfy { $0.data["max"] == 4 })
            let executed = try #require(told.first { $0.type == "executed" })
            #expect(executed.data["node"] == "9")
            #expect(executed.data["output"] == result["outputs"]?["9"])
            #expect(Set(client.messages.map(\.type)).isSubset(of: Self.types), "\(client.messages.map(\.type))")
        }
    }

    private static let types: Set = [
        "system", "status", "executing", "progress", "executed", "execution_error", "result", "pong",
    ]

    @Test("a node that fails is told, and so is the end", arguments: ServiceKind.allCases)
    func failure(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let client = try await SocketClient(service, "me")
            let id = try await client.submit(Workflow.failing("no ink"), reference: "a")
            let result = try await client.result(of: id)
            #expect(result["success"] == false)
            #expect(result["error"] == "no ink")
            let error = try await client.first("execution_error").data
            #expect(error["prompt_id"] == .string(id))
            #expect(error["code"] == "WORKFLOW_EXECUTION_ERROR")
            #expect(error["node_id"] == "5")
            #expect(error["node_type"] == "LabRaise")
        }
    }

    @Test("refusals and words that nobody knows are answered; the connection stays", arguments: ServiceKind.allCases)
    func refusals(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let client = try await SocketClient(service, "me")
            client.send("submit", ["workflow": ["1": ["class_type": "Nonsense", "inputs": [:]]], "client_ref": "a"])
            let refused = try await client.refusal(of: "a")
            #expect(refused["code"] == "WORKFLOW_VALIDATION_ERROR")
            #expect(refused["detail"]?["error"]?["type"] == "invalid_prompt")
            client.send(text: "{")
            client.send("dance")
            client.send("submit", ["workflow": [:]])
            try await client.settle()
            let problems = client.messages.filter { $0.type == "system" }.compactMap { $0.data["code"]?.stringValue }
            #expect(problems == ["WEBSOCKET_ERROR", "WEBSOCKET_ERROR", "WORKFLOW_VALIDATION_ERROR"])

            try await service.servers[0].daemon.crash()
            try await eventually("the server is missed") {
                try await service.probe.get("/health").json["status"] == "degraded"
            }
            client.send("submit", ["workflow": Workflow.image("x"), "client_ref": "b"])
            #expect(try await client.refusal(of: "b")["code"] == "CONNECTION_ERROR")
            #expect(!client.messages.map(\.type).contains("result"))
        }
    }

    @Test(
        "two workflows at once, one of them over HTTP, and one that is interrupted while it waits",
        arguments: ServiceKind.allCases)
    func several(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let client = try await SocketClient(service, "me")
            let first = try await client.submit(Workflow.slow("one", seconds: 1, color: 1), reference: "1")
            let second = try await service.submit(Workflow.slow("two", seconds: 0.3, color: 2), clientID: "me")
            let third = try await client.submit(Workflow.slow("three", seconds: 60, color: 3), reference: "3")
            client.send("interrupt", ["prompt_id": .string(third)])
            #expect(try await client.result(of: third)["success"] == false)
            #expect(try await client.result(of: first)["success"] == true)
            #expect(try await client.result(of: second)["success"] == true)
            try await client.settle()
            for id in [first, second, third] {
                #expect(client.results(of: id) == 1)
                #expect(client.messages.filter { $0.promptID == id }.first?.type == "system")
                #expect(client.messages.filter { $0.promptID == id }.last?.type == "result")
            }
            #expect(client.messages.contains { $0.type == "progress" && $0.promptID == second })
            let known = try await service.history(of: third)
            #expect(known["status"] == "interrupted")
        }
    }

    @Test("what runs is interrupted over the socket, and another client watches", arguments: ServiceKind.allCases)
    func interrupt(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let client = try await SocketClient(service, "me")
            let watcher = try await SocketClient(service, "watcher")
            let id = try await client.submit(Workflow.slow("long", seconds: 60, steps: 600), reference: "a")
            watcher.send("subscribe", ["prompt_id": .string(id)])
            try await client.first("progress") { $0.promptID == id }
            try await watcher.first("progress") { $0.promptID == id }
            client.send("interrupt", ["prompt_id": .string(id)])
            #expect(try await client.result(of: id)["success"] == false)
            #expect(try await watcher.result(of: id)["success"] == false)
        }
    }

    @Test(
        "a client that was away gets the result when it is back, also from a daemon that was killed meanwhile",
        arguments: ServiceKind.allCases)
    func replay(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let first = try await SocketClient(service, "me")
            let away = try await first.submit(Workflow.slow("away", seconds: 0.5, color: 1), reference: "1")
            first.drop()
            _ = try await service.history(of: away)
            let second = try await SocketClient(service, "me")
            #expect(try await second.result(of: away)["success"] == true)
            try await second.settle()

            let killed = try await second.submit(Workflow.slow("killed", seconds: 3, color: 2), reference: "2")
            try await second.first("progress") { $0.promptID == killed }
            try await service.daemon.crash()
            try await service.restart()
            let third = try await SocketClient(service, "me")
            let hello = try await third.first("system")
            #expect(hello.data["prompt_ids"] == [.string(killed)])
            #expect(try await third.result(of: killed)["success"] == true)
            try await third.settle()
            #expect(third.results(of: killed) == 1)
            #expect(third.results(of: away) == 0)
            third.drop()
            let fourth = try await SocketClient(service, "me")
            try await fourth.settle()
            #expect(!fourth.messages.contains { $0.type == "result" })
        }
    }

    @Test(
        "a server that dies meanwhile: another one does the work, or the result says that it is lost",
        arguments: ServiceKind.allCases)
    func serverDies(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 2) { service in
            let client = try await SocketClient(service, "me")
            let id = try await client.submit(Workflow.slow("dies", seconds: 2, steps: 20), reference: "a")
            try await client.first("progress") { $0.promptID == id }
            var owner: SimulatedServer?
            for server in service.servers where try server.runs.prompts("started").contains(id) { owner = server }
            let dying = try #require(owner)
            try await dying.daemon.crash()
            if kind == .single { try await dying.restart() }
            let result = try await client.result(of: id, within: 60)
            #expect(result["success"] == .bool(kind == .cluster), "\(result)")
            #expect(result["error"]?.stringValue == nil || kind == .single)
            try await client.settle()
            #expect(client.results(of: id) == 1)
        }
    }

    @Test("a workflow that is executed for too long has a result all the same", arguments: ServiceKind.allCases)
    func timeout(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1, workflows: "timeout: 1s") { service in
            let client = try await SocketClient(service, "me")
            let long = try await client.submit(Workflow.slow("long", seconds: 3, color: 1), reference: "1")
            let result = try await client.result(of: long)
            #expect(result["success"] == false)
            #expect(result["code"] == "TASK_TIMEOUT")
            #expect(try await service.history(of: long)["status"] == "completed")
            try await client.settle()
            #expect(client.results(of: long) == 1)
        }
    }

    @Test(
        "a second connection closes the first with 4001; a daemon that stops says so", arguments: ServiceKind.allCases)
    func closing(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let first = try await SocketClient(service, "me")
            try await first.first("system")
            let second = try await SocketClient(service, "me")
            try await second.first("system")
            try await eventually("the first is closed") { first.closeCode != nil }
            #expect(first.closeCode == 4001)
            let long = String(repeating: "x", count: 101)
            let refused = try await service.probe.get(
                "/api/v1/ws/\(long)",
                [
                    ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ])
            #expect(refused.status == 400)
            #expect(refused.json["detail"]?["code"] == "WEBSOCKET_ERROR")
            service.daemon.send(signal: SIGTERM)
            try await eventually("the second is closed") { second.closeCode != nil }
            #expect([1001, 1012].contains(second.closeCode))
        }
    }

    @Test("a gateway that is switched off closes the connections; they come back on the one server")
    func switchedOff() async throws {
        try await withService(.cluster, servers: 1) { service in
            let client = try await SocketClient(service, "me")
            let id = try await client.submit(Workflow.image("before"), reference: "a")
            _ = try await client.result(of: id)
            let off = try await service.daemon.admin.post("/api/admin/plugins/gateway/disable", [:])
            #expect(off.status == 200, "\(off)")
            try await eventually("the connection is closed") { client.closeCode != nil }
            #expect([1001, 1012].contains(client.closeCode))
            let again = try await SocketClient(service, "me")
            try await again.first("system")
        }
    }
}
