import PluginAPI
import Testing

@Suite("what is acknowledged lasts")
struct DurabilityTests {
    @Test("jobs go on after an orderly restart, and SIGTERM ends with exit code 0")
    func restart() async throws {
        try await withCluster(servers: 1) { cluster in
            var ids: [String] = []
            for number in 0..<4 {
                ids.append(try await cluster.submit(Workflow.slow("restart-\(number)", seconds: 0.5, color: number)))
            }
            #expect(try await cluster.gateway.terminate() == .code(0))
            try await cluster.restartGateway()
            for id in ids {
                #expect(try await cluster.ended(id)["status"] == "done")
                #expect(try await cluster.history(id)?["outputs"]?["9"] != nil)
            }
            #expect(try await cluster.servers[0].history().count == 4)
        }
    }

    @Test("a result is there when its server and the daemon's memory are gone")
    func results() async throws {
        try await withCluster(servers: 1) { cluster in
            let id = try await cluster.submit(Workflow.image("kept"))
            try await cluster.ended(id)
            let before = try #require(try await cluster.history(id))
            try await cluster.servers[0].daemon.crash()
            try await cluster.gateway.crash()
            try await cluster.restartGateway()
            let after = try #require(try await cluster.history(id))
            #expect(after["prompt"]?.text() == before["prompt"]?.text())
            #expect(after["status"]?.text() == before["status"]?.text())
            #expect(
                after["outputs"]?["9"]?["images"]?[0]?["filename"]
                    == before["outputs"]?["9"]?["images"]?[0]?["filename"])
            #expect(try await cluster.status(id)["status"] == "done")
            let file = try await cluster.probe.get("/api/view?filename=kept_00001_.png&prompt_id=\(id)")
            #expect([502, 503].contains(file.status), "\(file)")
            #expect(try await cluster.probe.get("/api/workers").json["workers"]?[0]?["name"] == "sim-1")
        }
    }

    @Test("secrets are in no file in clear, and the token files are for their owner alone")
    func secrets() async throws {
        try await withCluster(servers: 1) { cluster in
            let secret = "correct-horse-battery-staple"
            let answer = try await cluster.probe.post(
                "/api/workers", ["url": "http://127.0.0.1:9", "auth_username": "u", "auth_password": .string(secret)])
            #expect(answer.json["auth_has_password"] == true)
            let key = try await cluster.gateway.admin.post("/api/admin/tokens", ["name": "ci"])
            #expect(key.status / 100 == 2, "\(key)")
            let text = try #require(
                key.json.objectValue?.values.compactMap(\.stringValue).max { $0.count < $1.count })
            #expect(text.count >= 32)

            let state = cluster.directory.file("state")
            #expect(Files.mode("\(state)/admin.token") == 0o600)
            #expect(Files.mode("\(state)/secret.key") == 0o600)
            try await cluster.gateway.terminate()
            for name in Files.names(in: state) {
                let bytes = (try? Files.read("\(state)/\(name)")) ?? []
                #expect(!bytes.contains(Array(secret.utf8)), "\(name) has the worker's password")
                #expect(!bytes.contains(Array(text.utf8)), "\(name) has the key's text")
            }
            let log = cluster.gateway.log.lines.joined(separator: "\n")
            #expect(!log.contains(secret) && !log.contains(text))
        }
    }

    @Test("a second daemon on the same state is refused with one clear line")
    func locked() async throws {
        try await withSlots(2) {
            let daemon = try await DaemonProcess.start("plugins: { simulator: {} }")
            defer { daemon.end() }
            let failure = await #expect(throws: DaemonFailure.self) {
                let second = try await DaemonProcess.start(nil, in: daemon.directory)
                second.end()
            }
            #expect(failure?.status == .code(1), "\(failure?.log ?? "")")
            #expect(try await daemon.probe.get("/queue").status == 200)
        }
    }
}
