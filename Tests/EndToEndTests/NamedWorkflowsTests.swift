import Glibc
import PluginAPI
import Testing

/// Every request of the named workflows' published API, with the gateway and without it.
@Suite("named workflows answer as published")
struct NamedWorkflowsTests {
    private static let unknown = "00000000-0000-4000-8000-000000000000"

    @Test("GET /api/test_comfy and /api/status: ComfyUI's own words about itself", arguments: ServiceKind.allCases)
    func servers(_ kind: ServiceKind) async throws {
        try await withService(kind) { service in
            let answer = try await service.probe.get("/api/test_comfy")
            #expect(answer.status == 200)
            #expect(answer.json["status"] == "success")
            #expect(answer.json["comfyui_url"] == .string(service.servers[0].url + "/system_stats"))
            #expect(answer.json["response"]?["system"]?["comfyui_version"]?.stringValue != nil, "\(answer)")
            #expect(answer.json["response"]?["system_stats"]?["devices"]?.arrayValue != nil)
            #expect(answer.json["servers"]?.arrayValue?.count == service.servers.count)
            let status = try await service.probe.get("/api/status")
            #expect(status.status == 200)
            #expect(status.json["system"] == answer.json["response"]?["system"])
        }
    }

    @Test("GET /api/workflows lists files that were copied in while it runs", arguments: ServiceKind.allCases)
    func list(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            #expect(try await service.probe.get("/api/workflows").json["workflows"] == [])
            for name in ["sd_txt2img", "flux_test", "sd_img2img"] {
                try service.directory.write("workflows/\(name).json", "{}")
            }
            let answer = try await service.probe.get("/api/workflows")
            #expect(answer.status == 200)
            #expect(answer.json["workflows"] == ["flux_test", "sd_img2img", "sd_txt2img"])
            #expect(answer.json["total"] == 3)
        }
    }

    @Test("the guideline's flow: list, run by text, poll until completed, fetch", arguments: ServiceKind.allCases)
    func flow(_ kind: ServiceKind) async throws {
        try await withService(kind) { service in
            let before = time(nil)
            let id = try await service.run(Workflow.textToImage("flow"), ["prompt": "ein Bär", "target_node": "6"]) {
                answer in
                #expect(answer.json["status"] == "success")
                #expect(answer.json["node_errors"] == [:])
                #expect(answer.json["error"] == .null)
                let stamp = answer.json["client_id"]?.stringValue?.split(separator: "-").last.flatMap { Int($0) } ?? 0
                #expect((before...time(nil)).contains(stamp), "\(answer)")
            }
            let done = try await service.taskStatus(id, becomes: "completed")
            #expect(done["message"] == "Image generation completed")
            #expect(done["node_errors"] == [:])
            #expect(try #require(done["execution_time"]?.doubleValue) > 0)
            let image = try #require(done["images"]?[0])
            #expect(image["filename"] == "flow_00001_.png")
            #expect(image["subfolder"] == "")
            #expect(image["type"] == "output")
            let url = try #require(image["url"]?.stringValue)
            #expect(url.hasPrefix("http://127.0.0.1:\(service.daemon.port)/api/view?prompt_id=\(id)&filename="))

            let images = try await service.probe.get("/api/image/\(id)")
            #expect(images.json["status"] == "success")
            #expect(images.json["images"] == done["images"])

            let history = try await service.probe.get("/api/history/\(id)")
            #expect(history.status == 200)
            #expect(history.json[id]?["status"]?["completed"] == true)
            #expect(history.json[id]?["outputs"]?["9"]?["images"]?[0]?["url"] == .string(url))
            let all = try await service.probe.get("/api/history?max_items=5")
            #expect(all.json[id]?["outputs"] == history.json[id]?["outputs"])
            // What the server got is the file, but for the text.
            let graph = try #require(history.json[id]?["prompt"]?[2])
            let file = try JSON(parsing: Workflow.textToImage("flow").replacing("a bear", with: "ein Bär"))
            #expect(graph["3"]?["inputs"]?["seed"]?.text() == "18446744073709551615")
            for node in file.objectValue?.keys ?? [] where node != "3" { #expect(graph[node] == file[node]) }
        }
    }

    @Test("the link of an image leads to its bytes", arguments: ServiceKind.allCases)
    func link(_ kind: ServiceKind) async throws {
        try await withService(kind) { service in
            let id = try await service.run(Workflow.textToImage("link"), ["prompt": "x"])
            let done = try await service.taskStatus(id, becomes: "completed")
            let url = try #require(done["images"]?[0]?["url"]?.stringValue)
            let place = try #require(url.firstRange(of: "/api/view")?.lowerBound)
            let file = try await service.probe.get(String(url[place...]))
            #expect(file.status == 200, "\(file)")
            #expect(file.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        }
    }

    @Test("the advanced form changes the nodes that it names", arguments: ServiceKind.allCases)
    func advanced(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let changes: JSON = [
                "6": ["inputs": ["text": "a beautiful mountain landscape"]],
                "3": ["inputs": ["seed": 42, "steps": 3, "cfg": 7.5]], "77": ["inputs": [:]],
            ]
            let id = try await service.run(Workflow.textToImage("advanced"), changes) { answer in
                #expect(answer.json["ignored_nodes"] == ["77"])
            }
            try await service.taskStatus(id, becomes: "completed")
            let graph = try await service.probe.get("/api/history/\(id)").json[id]?["prompt"]?[2]
            #expect(graph?["6"]?["inputs"]?["text"] == "a beautiful mountain landscape")
            #expect(graph?["2"]?["inputs"]?["text"] == "watermark")
            #expect(graph?["3"]?["inputs"]?["cfg"] == 7.5)
            #expect(graph?["3"]?["inputs"]?["sampler_name"] == "euler")
        }
    }

    @Test("POST /api/workflow runs a graph of the body", arguments: ServiceKind.allCases)
    func raw(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            for body in [Workflow.image("raw", color: 1), ["prompt": Workflow.image("raw", color: 2)]] as [JSON] {
                let answer = try await service.probe.post("/api/workflow", body)
                #expect(answer.status == 200, "\(answer)")
                try await service.taskStatus(try #require(answer.json["prompt_id"]?.stringValue), becomes: "completed")
            }
        }
    }

    // MARK: - States

    @Test("pending, running and then completed, each with what belongs to it", arguments: ServiceKind.allCases)
    func states(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let first = try await service.run(Workflow.textToImage("first", seconds: 4), [:])
            let running = try await service.taskStatus(first, becomes: "running")
            let second = try await service.run(Workflow.textToImage("second"), [:])
            let third = try await service.run(Workflow.textToImage("third"), [:])
            #expect(running["message"] == "Task is currently running")
            let info = try #require(running["execution_info"])
            #expect(info["prompt_id"] == .string(first))
            #expect(info["worker_id"]?.stringValue != nil)
            #expect(info["outputs_to_execute"] == ["9"], "\(info)")
            #expect(info["extra_data"]?["client_id"]?.stringValue?.hasPrefix("my-api-") == true, "\(info)")
            #expect(info["number"]?.numberValue != nil && info["progress"]?.numberValue != nil)

            let waiting = try await service.probe.get("/api/task_status/\(second)").json
            #expect(
                waiting == ["status": "pending", "message": "Task is waiting in queue", "queue_position": 1],
                "\(waiting)")
            #expect(
                try await service.probe.get("/api/task_status/\(third)").json["queue_position"]?.intValue ?? 0 >= 1)
            let early = try await service.probe.get("/api/image/\(second)")
            #expect(early.status == 200)
            #expect(early.json["status"] == "processing")
            #expect(early.json["images"] == [])
            #expect(early.json["queue_remaining"] == 3)
            #expect(try await service.probe.get("/api/history/\(second)").json == [:])

            let queue = try await service.probe.get("/api/view_queue").json
            #expect(queue["queue_running"]?.arrayValue?.map { $0[1] } == [.string(first)])
            #expect(queue["queue_pending"]?.arrayValue?.map { $0[1] } == [.string(second), .string(third)])
            #expect(queue["queue_running"]?[0]?[2]?["9"]?["class_type"] == "SaveImage")
            for id in [first, second, third] { try await service.taskStatus(id, becomes: "completed") }
            #expect(
                try await service.probe.get("/api/view_queue").json == ["queue_running": [], "queue_pending": []])
        }
    }

    @Test("processing while the server holds back the result of an ended prompt", arguments: ServiceKind.allCases)
    func processing(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let id = try await service.run(Workflow.textToImage("late", seconds: 2), [:])
            try await service.taskStatus(id, becomes: "running")
            try await service.servers[0].probe.post("/simulator/control", ["answer_delay": "1500ms"])
            let processing = try await service.taskStatus(id, becomes: "processing")
            #expect(processing["message"]?.stringValue?.contains("ended") == true)
            #expect(processing["execution_time"]?.doubleValue ?? 0 > 0 && processing["node_errors"] == [:])
            #expect(processing["images"] == nil)
            try await service.servers[0].probe.post("/simulator/control", ["answer_delay": "0s"])
            #expect(try await service.taskStatus(id, becomes: "completed")["images"]?.arrayValue?.count == 1)
        }
    }

    @Test("error: a prompt that fails has its reason, with 200", arguments: ServiceKind.allCases)
    func error(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            var graph = Workflow.image("fails")
            graph["5"] = ["class_type": "LabRaise", "inputs": ["image": ["1", 0], "message": "no bears", "nonce": 1]]
            graph["9"]?["inputs"]?["images"] = ["5", 0]
            let answer = try await service.probe.post("/api/workflow", graph)
            let id = try #require(answer.json["prompt_id"]?.stringValue)
            let failed = try await service.taskStatus(id, becomes: "error")
            #expect(failed["message"]?.stringValue?.contains("no bears") == true, "\(failed)")
            #expect(failed["error"] == failed["message"])
            #expect(failed["execution_time"]?.doubleValue != nil)
            #expect(try await service.probe.get("/api/image/\(id)").status == 404)
        }
    }

    @Test("not_found with 200; its image is 404", arguments: ServiceKind.allCases)
    func notFound(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let answer = try await service.probe.get("/api/task_status/\(Self.unknown)")
            #expect(answer.status == 200)
            #expect(answer.json == ["status": "not_found", "message": "Task not found"])
            let image = try await service.probe.get("/api/image/\(Self.unknown)")
            #expect(image.status == 404)
            #expect(image.json["status_code"] == 404)
            #expect(image.json["error"]?.stringValue != nil)
            let history = try await service.probe.get("/api/history/\(Self.unknown)")
            #expect(history.status == (kind == .single ? 200 : 404))
        }
    }

    @Test("unknown while the prompt's server does not answer", arguments: ServiceKind.allCases)
    func unknownState(_ kind: ServiceKind) async throws {
        let gateway = "health_interval: 250ms\nworker_lost_after: 10m"
        try await withService(kind, servers: 1, gateway: gateway) { service in
            let id = try await service.run(Workflow.textToImage("hang", seconds: 600), [:])
            try await service.taskStatus(id, becomes: "running")
            try await service.servers[0].probe.post("/simulator/control", ["down": true])
            let unknown = try await service.taskStatus(id, becomes: "unknown")
            #expect(unknown["message"]?.stringValue != nil)
        }
    }

    // MARK: - Errors

    @Test("every error has error and status_code", arguments: ServiceKind.allCases)
    func errors(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            try service.directory.write("workflows/a.json", Workflow.textToImage("a"))
            try service.directory.write("workflows/plain.json", Workflow.image("plain").text())
            try service.directory.write("workflows/broken.json", "{\n  \"1\": {,\n}")
            try service.directory.write("workflows/page.json", #"{"nodes": [], "links": [], "version": 0.4}"#)
            let cases: [(String, JSON, Int, String)] = [
                ("a", ["prompt": "x", "target_node": "41"], 400, "Target node 41 is not a text input node"),
                ("a", ["prompt": "x", "target_node": "3"], 400, "Target node 3 is not a text input node"),
                ("plain", ["prompt": "x"], 400, "No suitable text input node found in workflow"),
                ("a", ["prompt": 5], 400, "prompt must be a text"), ("a", [1], 400, "object"),
                ("missing", [:], 404, "no workflow missing"), ("broken", [:], 500, "line 2, column 9"),
                ("page", [:], 400, "Export (API)"),
                ("a", ["3": ["inputs": ["steps": "many"]]], 400, "failed validation"),
            ]
            for (name, body, status, words) in cases {
                let answer = try await service.probe.post("/api/workflow/\(name)", body)
                #expect(answer.status == status, "\(answer)")
                #expect(answer.json["status_code"] == .number(JSONNumber(status)))
                #expect(answer.json["error"]?.stringValue?.contains(words) == true, "\(answer)")
            }
            let refused = try await service.probe.post("/api/workflow/a", ["3": ["inputs": ["steps": "many"]]])
            #expect(refused.json["node_errors"]?["3"] != nil, "\(refused)")
            for (type, body, status) in [("text/plain", "{}", 400), ("application/json", "{", 400)] {
                let answer = try await service.probe.send(
                    "POST", "/api/workflow/a", [("Content-Type", type)], body: Array(body.utf8))
                #expect(answer.status == status)
                #expect(answer.json["status_code"] == 400)
            }
        }
    }

    @Test("no name leaves the folder, however it is written", arguments: ServiceKind.allCases)
    func escapes(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let admin = try service.daemon.admin
            try service.directory.write("secret.json", Workflow.image("secret").text())
            let before = Files.names(in: service.directory.path).sorted()
            let names = [
                "../secret", "..%2fsecret", "..%2Fsecret", "%2e%2e%2fsecret", "%2e%2e/secret", "..%5csecret", "%00",
                "secret%00", "..%00", "..", ".", ".secret", String(repeating: "x", count: 201), "%2f", "a%0ab",
            ]
            for name in names {
                for method in ["POST", "PUT", "DELETE", "GET"] {
                    let answer = try await admin.send(
                        method, "/api/workflow/\(name)", [("Content-Type", "application/json")],
                        body: method == "GET" ? nil : Workflow.image("x").serialized())
                    #expect([400, 404].contains(answer.status), "\(method) \(name): \(answer)")
                }
            }
            #expect(Files.names(in: service.directory.path).sorted() == before)
            #expect(Files.names(in: service.directory.file("workflows")).isEmpty)
        }
    }

    @Test("without a server 502, without a worker 503; test_comfy is 500 with status error")
    func noServer() async throws {
        try await withService(.single) { service in
            let finished = try await service.run(Workflow.textToImage("before"), [:])
            try await service.taskStatus(finished, becomes: "completed")
            service.servers[0].daemon.end()
            let answers = [
                (try await service.probe.post("/api/workflow/named", [:]), 502),
                (try await service.probe.get("/api/status"), 502),
                (try await service.probe.get("/api/view_queue"), 502),
                (try await service.probe.get("/api/test_comfy"), 500),
            ]
            for (answer, status) in answers {
                #expect([status, status == 502 ? 503 : status].contains(answer.status), "\(answer)")
                #expect(answer.json["status_code"]?.intValue == answer.status)
                #expect(answer.json["error"]?.stringValue != nil)
            }
        }
        try await withService(.cluster, servers: 0) { service in
            try service.directory.write("workflows/named.json", Workflow.textToImage("x"))
            for answer in [
                try await service.probe.post("/api/workflow/named", [:]), try await service.probe.get("/api/status"),
                try await service.probe.get("/api/test_comfy"),
            ] {
                #expect(answer.status == 503, "\(answer)")
                #expect(answer.json["status_code"] == 503)
            }
        }
    }
}
