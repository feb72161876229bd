import PluginAPI
import Testing

@Suite("the service /api/v1")
struct V1Tests {
    @Test(
        "a submitted workflow runs, and its result and images are there, as links too", arguments: ServiceKind.allCases)
    func result(_ kind: ServiceKind) async throws {
        try await withService(kind) { service in
            let answer = try await service.probe.post(
                "/api/v1/workflows/submit", ["workflow": Workflow.image("v1/über"), "client_id": "my_client"])
            #expect(answer.status == 200)
            let id = try #require(answer.json["prompt_id"]?.stringValue)
            #expect(answer.json["client_id"] == "my_client")
            #expect(answer.json["number"]?.numberValue != nil)
            #expect(answer.json["node_errors"] == [:])
            let history = try await service.history(of: id)
            #expect(history["prompt_id"] == .string(id))
            #expect(history["status"] == "completed")
            #expect(history["error"] == nil)
            #expect(history["outputs"]?["9"]?["images"]?[0]?["type"] == "output")

            let images = try await service.probe.get("/api/v1/workflows/\(id)/images")
            #expect(images.status == 200)
            #expect(images.json["prompt_id"] == .string(id))
            #expect(images.json["count"] == 1)
            let image = try #require(images.json["images"]?[0])
            #expect(image["filename"] == history["outputs"]?["9"]?["images"]?[0]?["filename"])
            #expect(image["subfolder"] == "v1")
            #expect(image["node_id"] == "9")
            #expect(image["comfyui_url"]?.stringValue?.contains("/view?filename=") == true)
            #expect(image["url"]?.stringValue?.hasPrefix("http://127.0.0.1:\(service.daemon.port)/api/view?") == true)

            // The seed's own request names no prompt; its link works whoever has the file.
            let name = try #require(image["filename"]?.stringValue)
            let link = try await service.probe.get("/api/v1/images/url?filename=\(name)&subfolder=v1&type=output")
            let target = try #require(link.json["url"]?.stringValue)
            let base = "http://127.0.0.1:\(service.daemon.port)"
            #expect(target.hasPrefix(base))
            let file = try await service.probe.get(String(target.dropFirst(base.count)))
            #expect(file.status == 200, "\(target)")
            #expect(file["Content-Type"] == "image/png")
        }
    }

    @Test(
        "what runs and waits is shown, one is interrupted, the rest is cleared, and what runs can be ended",
        arguments: ServiceKind.allCases)
    func queue(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1, gateway: "max_in_flight: 2") { service in
            let probe = service.probe
            let empty = try await probe.get("/api/v1/queue/status")
            #expect(
                empty.json
                    == ["queue_running": [], "queue_pending": [], "running_count": 0, "pending_count": 0])
            var ids: [String] = []
            for number in 1...4 {
                ids.append(try await service.submit(Workflow.slow("q\(number)", seconds: 60, color: number)))
            }
            let queue = try await eventually("one runs, the rest waits") { () -> JSON? in
                let queue = try await probe.get("/api/v1/queue/status").json
                guard queue["running_count"] == 1, queue["pending_count"] == 3 else { return JSON?.none }
                return queue
            }
            #expect(queue["queue_running"]?[0]?["prompt_id"] == .string(ids[0]))
            let waiting = try #require(queue["queue_pending"]?.arrayValue)
            #expect(waiting.map { $0["prompt_id"]?.stringValue } == Array(ids.dropFirst()))
            #expect(waiting.map { $0["position"]?.intValue } == [1, 2, 3])
            for item in waiting {
                #expect(item["number"]?.numberValue != nil)
                #expect(item["timestamp"]?.intValue ?? 0 > 1_700_000_000)
            }

            let running = try await probe.get("/api/v1/workflows/\(ids[0])/history")
            #expect(running.status == 404)
            #expect(running.json["detail"]?["code"] == "WORKFLOW_NOT_FOUND")

            let one = try await probe.post("/api/v1/workflows/interrupt", ["prompt_id": .string(ids[1])])
            #expect(one.status == 200, "\(one)")
            #expect(one.json["success"] == true)
            #expect(try await service.history(of: ids[1])["status"] == "interrupted")
            let again = try await probe.post("/api/v1/workflows/interrupt", ["prompt_id": .string(ids[1])])
            #expect(again.status == 404)

            let no = try await probe.post("/api/v1/queue/clear", ["clear": false])
            #expect(no.json == ["success": false, "message": "Nothing was cleared."])
            let cleared = try await probe.post("/api/v1/queue/clear", ["clear": true])
            #expect(cleared.status == 200, "\(cleared)")
            #expect(cleared.json["success"] == true)
            #expect(cleared.json["detail"]?.objectValue?.allSatisfy { $0.value == "ok" } == true)
            for id in ids.dropFirst(2) { #expect(try await service.history(of: id)["status"] == "interrupted") }
            #expect(try await probe.get("/api/v1/queue/status").json["running_count"] == 1)

            // A request without a body ends all that run.
            let all = try await probe.send("POST", "/api/v1/workflows/interrupt")
            #expect(all.status == 200, "\(all)")
            #expect(all.json["detail"]?["interrupted"] == [.string(ids[0])])
            #expect(try await service.history(of: ids[0])["status"] == "interrupted")
        }
    }

    @Test(
        "a workflow of the wrong form is refused, in the service's words or ComfyUI's", arguments: ServiceKind.allCases)
    func refusals(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let empty = try await service.probe.post("/api/v1/workflows/submit", ["workflow": [:]])
            #expect(empty.status == 400)
            #expect(empty.json["detail"]?["code"] == "WORKFLOW_VALIDATION_ERROR")
            var unknown = Workflow.image("x")
            unknown["1"]?["class_type"] = "Nonsense"
            var broken = Workflow.image("x")
            broken["1"]?["inputs"] = ["width": "wide"]
            for graph in [unknown, broken] {
                let refused = try await service.probe.post("/api/v1/workflows/submit", ["workflow": graph])
                #expect(refused.status == 400, "\(refused)")
                #expect(refused.json["detail"]?["code"] == "WORKFLOW_VALIDATION_ERROR")
                #expect(refused.json["detail"]?["detail"]?["error"]?["type"]?.stringValue != nil)
                #expect(refused.json["detail"]?["detail"]?["node_errors"]?.objectValue != nil)
            }
            let malformed = try await service.probe.send("POST", "/api/v1/workflows/submit", body: Array("{".utf8))
            #expect(malformed.status == 422)
            #expect(malformed.json["detail"]?.arrayValue != nil)
            #expect(malformed["x-request-id"] != nil)
            let never = try await service.probe.get("/api/v1/workflows/never/history")
            #expect(never.status == 404)
            #expect(never.json["detail"]?["code"] == "WORKFLOW_NOT_FOUND")
        }
    }

    @Test("a workflow without images has none, and one that fails says why", arguments: ServiceKind.allCases)
    func endings(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            let text = try await service.submit([
                "1": ["class_type": "PrimitiveInt", "inputs": ["value": 7]],
                "2": ["class_type": "PreviewAny", "inputs": ["source": ["1", 0]]],
            ])
            #expect(try await service.history(of: text)["status"] == "completed")
            let images = try await service.probe.get("/api/v1/workflows/\(text)/images")
            #expect(images.status == 404)
            #expect(images.json["detail"]?["code"] == "IMAGE_NOT_FOUND")

            let failing = try await service.submit(Workflow.failing("out of paint"))
            let history = try await service.history(of: failing)
            #expect(history["status"] == "failed")
            #expect(history["error"] == "out of paint")
        }
    }

    @Test(
        "without a server every request says so, and the service stays healthy enough to answer",
        arguments: ServiceKind.allCases)
    func unreachable(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            #expect(try await service.probe.get("/health").json == ["status": "healthy", "service": "comfyd"])
            let running = try await service.submit(Workflow.slow("long", seconds: 60))
            try await eventually("it runs") {
                try await service.probe.get("/api/v1/queue/status").json["running_count"] == 1
            }
            try await service.servers[0].daemon.crash()
            try await eventually("the server is missed") {
                try await service.probe.get("/health").json["status"] == "degraded"
            }
            #expect(try await service.probe.get("/health").status == 200)
            let submit = try await service.probe.post("/api/v1/workflows/submit", ["workflow": Workflow.image("x")])
            let queue = try await service.probe.get("/api/v1/queue/status")
            let history = try await service.probe.get("/api/v1/workflows/\(running)/history")
            for answer in [submit, queue, history] {
                #expect(answer.status == 503, "\(answer)")
                #expect(answer.json["detail"]?["code"] == "CONNECTION_ERROR")
            }
            let clear = try await service.probe.post("/api/v1/queue/clear", ["clear": true])
            #expect(clear.status == 502, "\(clear)")
            #expect(clear.json["detail"]?["code"] == "QUEUE_OPERATION_ERROR")
        }
    }

    @Test("the service says who it is, and an unknown path below /api/v1 is told in its own form")
    func service() async throws {
        let environment = ["APP_NAME": "FastAPI ComfyUI Service", "APP_VERSION": "1.0.0"]
        try await withService(.single, environment: environment) { service in
            let info = try await service.probe.get("/")
            #expect(info.json["name"] == "FastAPI ComfyUI Service")
            #expect(info.json["version"] == "1.0.0")
            let page = try await service.probe.get("/", [("Accept", "text/html,*/*;q=0.8")])
            #expect(page["content-type"] == "text/html; charset=utf-8")
            for path in ["/health", "/health/ready", "/api/workflows"] {
                #expect(try await service.probe.get(path).status == 200)
            }
            let unknown = try await service.probe.get("/api/v1/nothing")
            #expect(unknown.status == 404)
            #expect(unknown.json["detail"]?["code"] == "NOT_FOUND")
            #expect(try await service.probe.get("/api/v1/openapi.json").json["openapi"]?.stringValue != nil)
            #expect(try await service.probe.get("/api/v1/ws/me").status == 426)
        }
    }
}

extension Service {
    /// Submits a workflow and gives its id.
    ///
    /// - Throws: ``Refused`` for any answer but 200.
    func submit(_ workflow: JSON, clientID: String? = nil) async throws -> String {
        var body: JSONObject = ["workflow": workflow]
        if let clientID { body["client_id"] = .string(clientID) }
        let answer = try await probe.post("/api/v1/workflows/submit", .object(body))
        guard answer.status == 200, let id = answer.json["prompt_id"]?.stringValue else {
            throw Refused(answer: answer)
        }
        return id
    }

    /// Waits until a workflow has ended, and gives its history.
    func history(of id: String, within seconds: Double = 30) async throws -> JSON {
        try await eventually("workflow \(id) ends\n\(daemon.tail)", within: seconds) { () -> JSON? in
            let answer = try await self.probe.get("/api/v1/workflows/\(id)/history")
            if answer.status == 404 { return JSON?.none }
            guard answer.status == 200 else { throw Refused(answer: answer) }
            return answer.json
        }
    }
}

extension Workflow {
    /// A graph whose second node fails.
    static func failing(_ message: String) -> JSON {
        var graph = image("never")
        graph["5"] = [
            "class_type": "LabRaise", "inputs": ["image": ["1", 0], "message": .string(message), "nonce": 1],
        ]
        graph["9"] = ["class_type": "SaveImage", "inputs": ["images": ["5", 0], "filename_prefix": "never"]]
        return graph
    }
}
