import PluginAPI
import Testing

@Suite("a first job through the gateway")
struct FirstJobTests {
    @Test("a job moves from queued over running to done, and its progress grows")
    func moves() async throws {
        try await withCluster(servers: 1) { cluster in
            let blocker = try await cluster.submit(Workflow.slow("blocker", seconds: 0.4, color: 1))
            let id = try await cluster.submit(Workflow.slow("moves", seconds: 1, steps: 20, color: 2))
            var words: [String] = []
            var percents: [Double] = []
            let last = try await eventually("job \(id) ends") {
                let status = try await cluster.status(id)
                let word = try #require(status["status"]?.stringValue)
                if words.last != word { words.append(word) }
                if word == "running", let percent = status["progress"]?.doubleValue { percents.append(percent) }
                return word == "done" || word == "failed" ? status : JSON?.none
            }
            #expect(words == ["queued", "running", "done"])
            #expect(percents == percents.sorted())
            #expect(Set(percents).count >= 3, "\(percents)")
            #expect(percents.allSatisfy { (0..<100).contains($0) })
            #expect(last["progress"]?.doubleValue == 100)
            #expect(last["worker_name"]?.stringValue == "sim-1")
            #expect(last["history"]?[id]?["status"]?["status_str"] == "success")
            #expect(try await cluster.ended(blocker)["status"] == "done")
        }
    }

    @Test("history is empty while the job runs, and then names its files with a url that gives the server's own bytes")
    func history() async throws {
        try await withCluster(servers: 1) { cluster in
            let id = try await cluster.submit(Workflow.slow("shots/first job", seconds: 0.5))
            #expect(try await cluster.probe.get("/api/history/\(id)").json == [:])
            try await cluster.ended(id)
            let entry = try #require(try await cluster.history(id))
            #expect(entry["prompt"]?[1]?.stringValue == id)
            let image = try #require(entry["outputs"]?["9"]?["images"]?[0])
            let url = try #require(image["url"]?.stringValue)
            let base = "http://127.0.0.1:\(cluster.gateway.port)"
            #expect(url.hasPrefix("\(base)/api/view?"))
            #expect(entry["prompt"]?[2]?["1"]?["inputs"]?["url"] == nil, "only outputs get a url")

            let bytes = try await cluster.probe.get(String(url.dropFirst(base.count)))
            let file = try Self.query(of: image)
            let own = try await cluster.servers[0].probe.get("/view?\(file)")
            #expect(own.status == 200)
            #expect(bytes.status == 200)
            #expect(bytes.body == own.body)
            #expect(bytes.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            #expect(bytes["content-type"] == "image/png")
        }
    }

    @Test("ranges, HEAD and validators pass through the gateway's view")
    func view() async throws {
        try await withCluster(servers: 1) { cluster in
            let id = try await cluster.submit(Workflow.image("view"))
            try await cluster.ended(id)
            let image = try #require(try await cluster.history(id)?["outputs"]?["9"]?["images"]?[0])
            let target = "/api/view?prompt_id=\(id)&\(try Self.query(of: image))"
            let whole = try await cluster.probe.get(target)
            let own = try await cluster.servers[0].probe.get("/view?\(try Self.query(of: image))")
            for field in ["etag", "content-length", "content-disposition", "last-modified", "accept-ranges"] {
                #expect(whole[field] != nil, "\(field)")
                #expect(whole[field] == own[field], "\(field)")
            }

            let part = try await cluster.probe.get(target, [("Range", "bytes=8-15")])
            #expect(part.status == 206)
            #expect(part.body == Array(whole.body[8..<16]))
            #expect(part["content-range"] == "bytes 8-15/\(whole.body.count)")
            let outside = try await cluster.probe.get(target, [("Range", "bytes=99999999-")])
            #expect(outside.status == 416)

            let head = try await cluster.probe.send("HEAD", target)
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head["content-length"] == String(whole.body.count))

            let tag = try #require(whole["etag"])
            let unchanged = try await cluster.probe.get(target, [("If-None-Match", tag)])
            #expect(unchanged.status == 304)
            #expect(unchanged.body.isEmpty)
        }
    }

    @Test("a seed above 2^63, floats and the order of keys arrive at the server as they were sent")
    func numbers() async throws {
        try await withCluster(servers: 1) { cluster in
            let graph = """
                {"9":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"numbers"}},\
                "1":{"inputs":{"width":64,"height":64,"batch_size":1,"color":0,"note":18446744073709551615,"f":8.0,"z":0.1},\
                "class_type":"EmptyImage","_meta":{"title":"première"}}}
                """
            let body = Array(#"{"client_id":"n","prompt":\#(graph),"extra_data":{"extra_pnginfo":{"b":1,"a":2}}}"#.utf8)
            let answer = try await cluster.probe.send("POST", "/api/prompt", body: body)
            #expect(answer.status == 200)
            let id = try #require(answer.json["prompt_id"]?.stringValue)
            try await cluster.ended(id)
            let own = try #require(try await cluster.servers[0].history()[id]?["prompt"])
            #expect(own[2]?.text() == graph)
            #expect(own[3]?["extra_pnginfo"]?.text() == #"{"b":1,"a":2}"#)
        }
    }

    @Test("a job that fails on its server is failed, with the exception's text")
    func failure() async throws {
        try await withCluster(servers: 1) { cluster in
            var graph = Workflow.image("fails")
            graph["5"] = [
                "class_type": "LabRaise", "inputs": ["image": ["1", 0], "message": "out of paint", "nonce": 1],
            ]
            graph["9"] = ["class_type": "SaveImage", "inputs": ["images": ["5", 0], "filename_prefix": "fails"]]
            let status = try await cluster.ended(try await cluster.submit(graph))
            #expect(status["status"] == "failed")
            #expect(status["message"]?.stringValue?.contains("out of paint") == true)
            #expect(status["history"] != nil)
        }
    }

    @Test("wrong requests are refused in the surface's own form")
    func refusals() async throws {
        try await withCluster(servers: 1) { cluster in
            let probe = cluster.probe
            let unknown = "00000000-0000-4000-8000-000000000000"
            for target in ["/api/task/\(unknown)/status", "/api/history/\(unknown)", "/api/nothing"] {
                let answer = try await probe.get(target)
                #expect(answer.status == 404, "\(target)")
                #expect(answer.json["detail"]?.stringValue != nil, "\(target): \(answer)")
            }
            #expect(try await probe.get("/api/view?filename=").status == 400)
            // The one worker is asked.
            #expect(try await probe.get("/api/view?filename=a.png").status == 404)
            #expect(try await probe.get("/api/view?filename=a.png&prompt_id=\(unknown)").status == 404)
            #expect(try await probe.get("/api/prompt/\(unknown)").status == 404)
            #expect(try await probe.send("DELETE", "/api/prompt").status == 405)

            #expect(try await probe.send("POST", "/api/prompt", body: Array("{".utf8)).status / 100 == 4)
            let list = try await probe.post("/api/prompt", ["prompt": [1, 2]])
            #expect(list.status == 422)
            #expect(list.json["detail"]?[0]?["loc"] == ["body", "prompt"])

            var broken = Workflow.image("broken")
            broken["9"] = ["class_type": "NoSuchNode", "inputs": [:]]
            let refused = try await probe.post("/api/prompt", ["prompt": broken])
            #expect(refused.status == 400)
            #expect(refused.json["error"]?["type"] == "invalid_prompt")
            #expect(refused.json["detail"] != nil)
            #expect(refused.json["node_errors"] != nil)

            let double = try await probe.post("/api/workers", ["url": .string(cluster.servers[0].url + "/")])
            #expect(double.status == 409)
            #expect(try await probe.post("/api/workers", ["url": "ftp://nowhere"]).status == 422)
            #expect(try await probe.post("/api/workers", ["name": "no url"]).status == 422)
            #expect(try await probe.send("DELETE", "/api/workers/\(unknown)").status == 404)
        }
    }

    @Test("without a usable worker a prompt is refused with 503")
    func noWorker() async throws {
        try await withCluster(servers: 0) { cluster in
            let answer = try await cluster.probe.post("/api/prompt", ["prompt": Workflow.image("nobody")])
            #expect(answer.status == 503)
            #expect(answer.json["detail"]?.stringValue != nil)
        }
    }

    @Test("workers are listed, changed and removed, and never show a password")
    func workers() async throws {
        try await withCluster(servers: 1) { cluster in
            let probe = cluster.probe
            let made = try await probe.post(
                "/api/workers",
                ["url": "http://127.0.0.1:9/", "name": "spare", "auth_username": "u", "auth_password": "hidden"])
            #expect(made.json["url"] == "http://127.0.0.1:9")
            #expect(made.json["healthy"] == false)
            let id = try #require(made.json["worker_id"]?.stringValue)
            let list = try await probe.get("/api/workers")
            #expect(list.json["workers"]?.arrayValue?.map { $0["name"] } == ["sim-1", "spare"])
            #expect(list.json["workers"]?[1]?["auth_has_password"] == true)
            #expect(!list.text.contains("hidden") && !made.text.contains("hidden"))
            let patched = try await probe.send(
                "PATCH", "/api/workers/\(id)", body: Array(#"{"name":"rest","enabled":false,"weight":null}"#.utf8))
            #expect(patched.json["name"] == "rest")
            #expect(patched.json["enabled"] == false)
            #expect(patched.json["weight"] == 1)
            #expect(try await probe.send("DELETE", "/api/workers/\(id)").json == ["ok": true])
            #expect(try await probe.get("/api/workers").json["workers"]?.arrayValue?.count == 1)
        }
    }

    private static func query(of image: JSON) throws -> String {
        let name = try #require(image["filename"]?.stringValue)
        let folder = image["subfolder"]?.stringValue ?? ""
        return "filename=\(escape(name))&subfolder=\(escape(folder))&type=\(image["type"]?.stringValue ?? "output")"
    }

    private static func escape(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).joined(separator: "%20")
    }
}
