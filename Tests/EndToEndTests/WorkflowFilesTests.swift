import PluginAPI
import Testing

/// The files of named workflows, the log of what runs, and the folder.
@Suite("files of named workflows")
struct WorkflowFilesTests {
    @Test("PUT, GET and DELETE change files, for the administrator alone, while runs happen")
    func files() async throws {
        try await withService(.cluster) { service in
            let admin = try service.daemon.admin
            let text = Workflow.textToImage("put")
            let target = "/api/workflow/gr%C3%BC%C3%9Fe%201"
            #expect(try await service.probe.send("PUT", target, body: Array(text.utf8)).status == 401)
            let created = try await admin.send("PUT", target, body: Array(text.utf8))
            #expect(created.json == ["status": "success", "name": "grüße 1", "created": true])
            #expect(Files.names(in: service.directory.file("workflows")) == ["grüße 1.json"])
            let stored = try await service.probe.get(target)
            #expect(stored.body == Array(text.utf8))
            let tag = try #require(stored["etag"])
            #expect(try await service.probe.get(target, [("If-None-Match", tag)]).status == 304)

            let ids = try await concurrently(Array(0..<12)) { number -> String? in
                if number % 3 == 0 {
                    let body = Workflow.textToImage("put-\(number)")
                    #expect(try await admin.send("PUT", target, body: Array(body.utf8)).json["created"] == false)
                    return nil
                }
                return try await service.probe.post(target, ["prompt": "x"]).json["prompt_id"]?.stringValue ?? ""
            }
            for id in ids.compactMap({ $0 }) { try await service.taskStatus(id, becomes: "completed") }
            let broken = try await admin.send("PUT", target, body: Array("{\n]".utf8))
            #expect(broken.status == 400)
            #expect(broken.json["line"] == 2)
            #expect(try await admin.send("DELETE", target).status == 200)
            #expect(try await admin.send("DELETE", target).status == 404)
            #expect(try await service.probe.post(target, [:]).status == 404)
        }
    }

    @Test("a full disk is 507, and the file is as it was")
    func fullDisk() async throws {
        let directory = try TemporaryDirectory()
        let disk = try await FullDisk(folder: directory.folder("workflows"), flag: directory.file("full"))
        try await withService(.single, in: directory, environment: disk.environment) { service in
            let admin = try service.daemon.admin
            let text = Workflow.textToImage("small")
            #expect(try await admin.send("PUT", "/api/workflow/a", body: Array(text.utf8)).status == 200)
            for state in FullDisk.State.allCases {
                try disk.fill(state)
                let answer = try await admin.send("PUT", "/api/workflow/a", body: Workflow.image("x").serialized())
                #expect(answer.status == 507, "\(answer)")
                #expect(answer.json["status_code"] == 507)
                #expect(answer.json["error"]?.stringValue != nil)
                #expect(try await service.probe.get("/api/workflow/a").body == Array(text.utf8))
                #expect(Files.names(in: directory.file("workflows")) == ["a.json"], "no draft is left")
                disk.makeRoom()
            }
            #expect(
                try await admin.send("PUT", "/api/workflow/a", body: Workflow.image("x").serialized()).status == 200)
        }
    }

    @Test("at debug level the graph and the request are in the log between the marker lines")
    func log() async throws {
        try await withService(.single, top: "log: { level: debug }") { service in
            let id = try await service.run(Workflow.textToImage("log"), ["prompt": "in the log"])
            try await service.daemon.logged("=== Final Workflow JSON ===")
            try await service.daemon.logged("=== Request to ComfyUI ===")
            try await service.daemon.logged(#""prompt_id": ""# + id)
            let lines = service.daemon.log.lines
            let graph = try #require(lines.firstIndex { $0.contains("=== Final Workflow JSON ===") })
            let request = try #require(lines.firstIndex { $0.contains("=== Request to ComfyUI ===") })
            #expect(lines[graph..<request].contains { $0.contains(#""text": "in the log""#) })
        }
        try await withService(.single) { service in
            try await service.run(Workflow.textToImage("log"), [:])
            #expect(!service.daemon.log.lines.contains { $0.contains("Final Workflow") })
        }
    }

    @Test("a folder that cannot be made stops the start with its path")
    func start() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("taken", "")
        let failure = await #expect(throws: DaemonFailure.self) {
            try await withDaemon(
                "plugins:\n  workflows: { directory: taken/workflows }", in: directory
            ) { _ in }
        }
        #expect(failure?.log.contains("cannot make") == true, "\(String(describing: failure))")
        #expect(failure?.log.contains(directory.file("taken")) == true)
    }
}
