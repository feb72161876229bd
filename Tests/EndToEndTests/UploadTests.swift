import Glibc
import PluginAPI
import Testing

@Suite("uploads")
struct UploadTests {
    /// An image of one pixel.
    private static let pixel: [UInt8] = [
        0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44, 0x52,
        0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1F, 0x15, 0xC4,
        0x89, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9C, 0x63, 0xF8, 0xDF, 0xC1, 0xF0,
        0x1F, 0x00, 0x06, 0x98, 0x02, 0x87, 0x7D, 0xB5, 0x93, 0x99, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
        0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
    ]

    /// A form with an image and other fields after it.
    private static func form(_ name: String, _ content: [UInt8], _ fields: [String: String] = [:]) -> [UInt8] {
        var body = Array(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\nContent-Type: image/png\r\n\r\n"
                .utf8)
        body += content
        for (name, value) in fields {
            body += "\r\n--x\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)".utf8
        }
        return body + Array("\r\n--x--\r\n".utf8)
    }

    private static func upload(
        _ service: Service, _ name: String, _ content: [UInt8] = pixel, _ fields: [String: String] = [:]
    ) async throws -> HTTPAnswer {
        try await service.probe.send(
            "POST", "/api/v1/images/upload", [("Content-Type", "multipart/form-data; boundary=x")],
            body: form(name, content, fields))
    }

    private static func loading(_ name: String, _ prefix: String) -> JSON {
        [
            "1": ["class_type": "LoadImage", "inputs": ["image": .string(name)]],
            "9": ["class_type": "SaveImage", "inputs": ["images": ["1", 0], "filename_prefix": .string(prefix)]],
        ]
    }

    /// Runs a workflow and gives its result.
    private static func complete(_ service: Service, _ graph: JSON) async throws -> JSON {
        let answer = try await service.probe.post("/api/v1/workflows/submit", ["workflow": graph])
        try #require(answer.status == 200, "\(answer.json)")
        let id = try #require(answer.json["prompt_id"]?.stringValue)
        return try await eventually("\(id) ends\n\(service.daemon.tail)") {
            let answer = try await service.probe.get("/api/v1/workflows/\(id)/history")
            return answer.status == 200 ? answer.json : JSON?.none
        }
    }

    /// Waits until so many workers are healthy.
    private static func healthy(_ count: Int, _ service: Service) async throws {
        try await eventually("\(count) workers are healthy") {
            let workers = try await service.probe.get("/api/workers").json
            let list = workers.arrayValue ?? workers["workers"]?.arrayValue ?? []
            return list.count { $0["healthy"] == true } == count
        }
    }

    /// What a server has in its input folder under a name.
    private static func input(_ name: String, on server: SimulatedServer) async throws -> HTTPAnswer {
        try await server.probe.get("/view?type=input&\(name)")
    }

    @Test("an uploaded image is on the server that runs the workflow", arguments: ServiceKind.allCases)
    func runs(_ kind: ServiceKind) async throws {
        try await withService(kind) { service in
            let answer = try await Self.upload(service, "Kätzchen 1.png", Self.pixel, ["subfolder": "pets"])
            #expect(answer.status == 200)
            #expect(
                answer.json == [
                    "filename": "Kätzchen 1.png", "name": "Kätzchen 1.png", "subfolder": "pets", "type": "input",
                ])
            let query = "filename=K%C3%A4tzchen%201.png&subfolder=pets"
            for server in service.servers {
                #expect(try await Self.input(query, on: server).body == Self.pixel)
            }
            for number in 0..<4 {
                let result = try await Self.complete(service, Self.loading("pets/Kätzchen 1.png", "run-\(number)"))
                #expect(result["status"] == "completed", "\(result)")
            }
            let download = try await service.probe.get("/api/v1/images/download?type=input&\(query)")
            #expect(download.status == 200 && download.body == Self.pixel)
            #expect(
                download["Content-Disposition"]
                    == "attachment; filename=\"K_tzchen 1.png\"; filename*=UTF-8''K%C3%A4tzchen%201.png")
            // Another content may not replace it, and the same one needs no other name.
            let other = Self.pixel + [0]
            for (content, name) in [
                (Self.pixel, "Kätzchen 1.png"), (other, "Kätzchen 1 (1).png"), (other, "Kätzchen 1 (1).png"),
            ] {
                let again = try await Self.upload(
                    service, "Kätzchen 1.png", content, ["subfolder": "pets", "overwrite": "false"])
                #expect(again.json["name"] == .string(name))
            }
            #expect(try await Self.input(query, on: service.servers[0]).body == Self.pixel)
        }
    }

    @Test("a worker that was away gets the image before its first prompt; one that lost its folder gets it again")
    func workers() async throws {
        try await withService(.cluster, gateway: "health_interval: 250ms") { service in
            let late = service.servers[1]
            late.daemon.end()
            let answer = try await Self.upload(service, "x.png")
            #expect(answer.status == 200 && answer.json["missing_on"]?.arrayValue?.count == 1, "\(answer.json)")
            try await late.restart()
            try await Self.healthy(2, service)
            // The other one does not answer any more, so its prompts have to go here.
            service.servers[0].daemon.end()
            #expect(try await Self.complete(service, Self.loading("x.png", "late"))["status"] == "completed")
            #expect(try await Self.input("filename=x.png", on: late).body == Self.pixel)

            try await late.daemon.crash()
            let found = try await run("find", [late.directory.path, "-name", "x.png", "-print", "-delete"], within: 10)
            #expect(found.output.contains("x.png"))
            try await Self.healthy(0, service)
            try await late.restart()
            try await Self.healthy(1, service)
            #expect(try await Self.complete(service, Self.loading("x.png", "again"))["status"] == "completed")
        }
    }

    @Test("one server that lost its folder gets the image again")
    func emptiedServer() async throws {
        try await withService(.single) { service in
            let server = service.servers[0]
            #expect(try await Self.upload(service, "x.png").status == 200)
            try await server.daemon.crash()
            _ = try await run("find", [server.directory.path, "-name", "x.png", "-delete"], within: 10)
            let away = try await Self.upload(service, "y.png")
            #expect(away.status == 503 && away.json["code"] == "CONNECTION_ERROR")
            try await server.restart()
            // A restarted server is another one from its first prompt on.
            let result = try await Self.complete(service, Self.loading("x.png", "again"))
            #expect(result["status"] == "completed", "\(result)")
            // What no server took is kept all the same.
            #expect(try await Self.complete(service, Self.loading("y.png", "kept"))["status"] == "completed")
        }
    }

    @Test("a large upload takes no memory", arguments: ServiceKind.allCases)
    func large(_ kind: ServiceKind) async throws {
        try await withService(kind, servers: 1) { service in
            #expect(try await Self.upload(service, "small.png").status == 200)
            let before = try ProcessFacts.peakResidentBytes(of: service.daemon.pid)
            let content = [UInt8](repeating: 13, count: 40 << 20)
            #expect(try await Self.upload(service, "large.png", content).status == 200)
            let after = try ProcessFacts.peakResidentBytes(of: service.daemon.pid)
            #expect(after - before < 8 << 20, "\(after - before) bytes")
            let kept = try await Self.input("filename=large.png", on: service.servers[0])
            #expect(kept.body.count == content.count)
            let refused = try await Self.upload(service, "huge.png", content + content)
            #expect(refused.status == 413 && refused.json["code"] == "FILE_OPERATION_ERROR")
        }
    }

    @Test("a full disk takes no upload and keeps none", arguments: FullDisk.State.allCases)
    func fullDisk(_ state: FullDisk.State) async throws {
        let directory = try TemporaryDirectory()
        directory.folder("state")
        let disk = try await FullDisk(folder: directory.file("state"), flag: directory.file("full"))
        try await withService(.single, in: directory, environment: disk.environment) { service in
            #expect(try await Self.upload(service, "x.png").status == 200)
            try disk.fill(state)
            let refused = try await Self.upload(service, "x.png", Self.pixel + [UInt8](repeating: 1, count: 100_000))
            #expect(refused.status == 507 && refused.json["code"] == "FILE_OPERATION_ERROR", "\(refused.json)")
            disk.makeRoom()
            #expect(try await Self.input("filename=x.png", on: service.servers[0]).body == Self.pixel)
            #expect(Files.names(in: directory.file("state/plugins/workflows/uploads")).isEmpty)
            #expect(try await Self.upload(service, "x.png").status == 200)
        }
    }

    @Test("an upload that a crash ends leaves nothing")
    func crash() async throws {
        try await withService(.single) { service in
            let form = Self.form("x.png", [UInt8](repeating: 7, count: 1 << 20))
            let head = """
                POST /api/v1/images/upload HTTP/1.1\r\nHost: x\r\nContent-Length: \(form.count)\r\n\
                Content-Type: multipart/form-data; boundary=x\r\n\r\n
                """
            let connection = try TCPConnection(port: service.daemon.port)
            try connection.write(Array(head.utf8) + form.prefix(form.count / 2))
            let found = { try await run("find", [service.directory.path, "-path", "*uploads/*"], within: 10).output }
            try await eventually("half of the upload is on disk") { try await !found().isEmpty }
            try await service.daemon.crash()
            try await service.restart()
            #expect(try await found() == "")
            #expect(Files.names(in: service.directory.file("input")).isEmpty)
            #expect(try await Self.upload(service, "x.png").status == 200)
        }
    }
}
