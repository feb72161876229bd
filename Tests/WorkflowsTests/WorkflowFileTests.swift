import Glibc
import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// `GET`, `PUT` and `DELETE /api/workflow/{name}`, and the folder behind them.
@Suite("workflow files")
struct WorkflowFileTests {
    private static let graph = #"{ "1": {"class_type": "X", "inputs": {"seed": 18446744073709551615, "n": 1e3}} }"#

    private func put(
        _ rig: WorkflowsRig, _ name: String, _ text: String, principal: Principal? = .testAdmin
    ) async -> TestResponse {
        await rig.host.send(.put, "/api/workflow/\(name)", body: HTTPBody(Array(text.utf8)), principal: principal)
    }

    @Test("PUT creates and replaces, GET gives the bytes as they came, DELETE removes")
    func roundTrip() async throws {
        try await withWorkflows { rig in
            let text = "\u{FEFF}\n" + Self.graph + "\n"
            #expect(
                await put(rig, "new%20one", text).json == ["status": "success", "name": "new one", "created": true])
            let stored = await rig.host.send(.get, "/api/workflow/new%20one")
            #expect(stored.body == Array(text.utf8))
            #expect(stored.headers["Content-Type"] == "application/json; charset=utf-8")
            #expect(await rig.run("new%20one").status == .ok)
            let parsed = try JSON(parsing: Self.graph)
            #expect(rig.submitted?.text() == parsed.text())

            let tag = try #require(stored.headers["ETag"])
            for value in [tag, "\"other\", W/\(tag)", "*"] {
                let answer = await rig.host.send(.get, "/api/workflow/new%20one", headers: ["If-None-Match": value])
                #expect(answer.status == .notModified)
                #expect(answer.headers["ETag"] == tag)
                #expect(answer.body.isEmpty)
            }
            #expect(await put(rig, "new%20one", #"{"prompt": \#(Self.graph)}"#).json?["created"] == false)
            let changed = await rig.host.send(.get, "/api/workflow/new%20one", headers: ["If-None-Match": tag])
            #expect(changed.status == .ok)
            #expect(changed.headers["ETag"] != tag)

            let removed = await rig.host.send(.delete, "/api/workflow/new%20one", principal: .testAdmin)
            #expect(removed.json == ["status": "success", "name": "new one"])
            #expect(await rig.host.send(.delete, "/api/workflow/new%20one", principal: .testAdmin).status == .notFound)
            #expect(await rig.host.send(.get, "/api/workflow/new%20one").status == .notFound)
            #expect(await rig.host.send(.get, "/api/workflows").json?["workflows"] == [])
            #expect(try names(in: rig.folder) == [], "no draft is left")
        }
    }

    @Test("changing is the administrator's; reading and running is for whoever may use jobs")
    func whoMay() async throws {
        let user = Principal(kind: .apiKey, id: "k", name: "K", scopes: [JobScope.jobs])
        try await withWorkflows(openSurfaces: false, files: ["a.json": Self.graph]) { rig in
            for principal in [nil, .testKey, user] as [Principal?] {
                let status: Status = principal == nil ? .unauthorized : .forbidden
                #expect(await put(rig, "a", Self.graph, principal: principal).status == status)
                #expect(await rig.host.send(.delete, "/api/workflow/a", principal: principal).status == status)
            }
            #expect(await rig.host.send(.get, "/api/workflow/a", principal: .testKey).status == .forbidden)
            let refused = await rig.run("a")
            #expect(refused.status == .unauthorized)
            #expect(refused.json?["error"]?.stringValue != nil && refused.json?["status_code"] == 401)
            #expect(await rig.host.send(.get, "/api/workflow/a", principal: user).status == .ok)
            #expect(await rig.run("a", principal: user).status == .ok)
            #expect(rig.backend.calls.submissions.last?.caller == "key:k")
        }
        try await withWorkflows(files: ["a.json": Self.graph]) { rig in
            #expect(await put(rig, "a", Self.graph, principal: nil).status == .unauthorized, "also on an open surface")
        }
    }

    @Test(
        "PUT refuses what is no workflow, and leaves the file alone",
        arguments: [
            ("{\n \"1\": }", "line 2, column 7"), ("", "line 1"), ("[]", "API format"), ("{}", "no nodes"),
            (#"{"1": {"inputs": {}}}"#, "class_type"), (#"{"1": {"class_type": "X"}}"#, "inputs"),
            (#"{"nodes": [], "links": []}"#, "Export (API)"), (#"{"prompt": {"nodes": []}}"#, "Export (API)"),
        ])
    func refused(_ text: String, _ words: String) async throws {
        try await withWorkflows(files: ["a.json": Self.graph]) { rig in
            let answer = await put(rig, "a", text)
            #expect(answer.status == .badRequest)
            #expect(answer.json?["error"]?.stringValue?.contains(words) == true, "\(answer.text)")
            #expect(answer.json?["status_code"] == 400)
            #expect(await rig.host.send(.get, "/api/workflow/a").body == Array(Self.graph.utf8))
        }
    }

    @Test("what an operator copies in, changes, renames or deletes counts at once")
    func operators() async throws {
        try await withWorkflows { rig in
            func text() async -> String? {
                #expect(await rig.run("a").status == .ok)
                return rig.submitted?["1"]?["inputs"]?["n"]?.stringValue
            }
            func graph(_ n: String) -> String { #"{"1": {"class_type": "X", "inputs": {"n": "\#(n)"}}}"# }
            #expect(await rig.run("a").status == .notFound)
            try rig.write(graph("1"), to: "a.json")
            #expect(await text() == "1")
            // In place, of the same size, within one tick of the file system's clock.
            for n in ["2", "3", "4"] {
                try rig.write(graph(n), to: "a.json")
                #expect(await text() == n)
            }
            try rig.write(graph("5"), to: "a.json~")
            #expect(rename(rig.folder + "/a.json~", rig.folder + "/a.json") == 0)
            #expect(await text() == "5")
            #expect(rename(rig.folder + "/a.json", rig.folder + "/b.json") == 0)
            #expect(await rig.run("a").status == .notFound)
            #expect(await rig.host.send(.get, "/api/workflows").json?["workflows"] == ["b"])
            unlink(rig.folder + "/b.json")
            #expect(await rig.host.send(.get, "/api/workflows").json?["workflows"] == [])
        }
    }

    @Test(
        "no name leaves the folder",
        arguments: [
            "..", "...", "../x", "..%2fx", "..%2Fsecret", "%2e%2e%2fsecret", "%2e%2e%2Fsecret", "..%5csecret",
            "a%00b", "%00", "a%2fb", "a%5Cb", ".hidden", "a..b", "%2Fetc%2Fpasswd", "a%0Ab", "a%7Fb", "a*b",
            "a%E2%80%8Bb",
            "%ff", "a:b", "~", "%20/..", String(repeating: "x", count: 201), "x%E2%80%AEy",
        ])
    func names(_ name: String) async throws {
        try await withWorkflows { rig in
            try rig.write(Self.graph, to: "../secret.json")
            #expect(await rig.run(name).status == .notFound)
            #expect(await rig.host.send(.get, "/api/workflow/\(name)").status == .notFound)
            #expect(await put(rig, name, Self.graph).status == .notFound)
            #expect(await rig.host.send(.delete, "/api/workflow/\(name)", principal: .testAdmin).status == .notFound)
            #expect(try names(in: rig.folder) == [])
            #expect(access(rig.host.directory.path + "/secret.json", F_OK) == 0)
            #expect(rig.backend.calls.submissions.isEmpty)
        }
    }

    @Test(
        "names in any script work",
        arguments: [
            "a", "A_b-c.d e", "工作流", "%E5%B7%A5", "Gr%C3%BC%C3%9Fe", "Gru%CC%88n", "naïve", "v1.0", "a.json",
            String(repeating: "x", count: 200),
        ])
    func goodNames(_ name: String) async throws {
        let target = name.utf8.allSatisfy { $0 < 128 } ? name.replacing(" ", with: "%20") : PercentEncoding.encode(name)
        try await withWorkflows { rig in
            #expect(await put(rig, target, Self.graph).json?["created"] == true)
            #expect(await rig.run(target).status == .ok)
            let listed = try #require(await rig.host.send(.get, "/api/workflows").json?["workflows"]?[0]?.stringValue)
            #expect(await rig.run(PercentEncoding.encode(listed)).status == .ok, "the listed name is the name")
        }
    }

    @Test("links inside the folder are followed, others and what is no file are not there")
    func links() async throws {
        try await withWorkflows { rig in
            try rig.write(Self.graph, to: "../outside.json")
            mkdir(rig.folder + "/..data", 0o755)
            try rig.write(Self.graph, to: "..data/inside.json")
            symlink("..data/inside.json", rig.folder + "/inside.json")
            symlink("../outside.json", rig.folder + "/outside.json")
            symlink(rig.host.directory.path, rig.folder + "/up")
            symlink("up/outside.json", rig.folder + "/round.json")
            symlink("nowhere", rig.folder + "/dangling.json")
            symlink("loop.json", rig.folder + "/loop.json")
            symlink("/dev/zero", rig.folder + "/zero.json")
            mkdir(rig.folder + "/folder.json", 0o755)
            mkfifo(rig.folder + "/pipe.json", 0o644)
            #expect(await rig.host.send(.get, "/api/workflows").json?["workflows"] == ["inside"])
            #expect(await rig.run("inside").status == .ok)
            for name in ["outside", "round", "dangling", "loop", "zero", "folder", "pipe"] {
                #expect(await rig.run(name).status == .notFound, "\(name)")
            }
            // The link is replaced, and its permissions, which are all, are not those of the file.
            let answer = await put(rig, "inside", Self.graph)
            #expect(answer.status == .ok, "\(answer.text)")
            var info = stat()
            #expect(lstat(rig.folder + "/inside.json", &info) == 0)
            #expect(info.st_mode & S_IFMT == S_IFREG && info.st_mode & 0o111 == 0)
        }
    }

    @Test("the folder is made at start, with those above it; what cannot be made is said clearly")
    func start() async throws {
        let directory = try TestDirectory()
        let host = try TestHost<WorkflowsPlugin>(
            configuration: ["directory": "a/b/c"], capabilities: FakeBackend().capabilities, directory: directory)
        try await host.start()
        #expect(access(directory.path + "/a/b/c", F_OK) == 0)
        #expect(await host.send(.get, "/api/workflows").json?["total"] == 0)
        await host.stop()

        try close(#require(Optional(open(directory.path + "/file", O_CREAT | O_WRONLY, 0o644))))
        for place in ["file/workflows", "file"] {
            let blocked = try TestHost<WorkflowsPlugin>(
                configuration: ["directory": .string("\(directory.path)/\(place)")],
                capabilities: FakeBackend().capabilities)
            let error = await #expect(throws: RetriableStartError.self) { try await blocked.start() }
            #expect(error?.reason.contains(directory.path + "/file") == true, "\(String(describing: error))")
            #expect(error?.reason.contains("plugins.workflows.directory") == true)
            await blocked.stop()
        }
    }

    @Test("drafts of writers that were killed are deleted at start once they are old")
    func drafts() throws {
        let directory = try TestDirectory()
        let folder = WorkflowFolder(path: directory.path)
        for name in ["new", "old"] {
            close(open("\(directory.path)/\(WorkflowFolder.draftPrefix)\(name)", O_CREAT | O_WRONLY, 0o644))
        }
        let old = "\(directory.path)/\(WorkflowFolder.draftPrefix)old"
        var times = [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]
        #expect(utimes(old, &times) == 0)
        folder.removeDrafts(now: Timestamp(milliseconds: Int64(time(nil)) * 1000))
        #expect(try names(in: directory.path) == ["\(WorkflowFolder.draftPrefix)new"])
    }

    @Test("a file over the limit is refused by name, a body over it with 413")
    func limits() async throws {
        try await withWorkflows { rig in
            try rig.write("{", to: "big.json")
            #expect(truncate(rig.folder + "/big.json", WorkflowFolder.fileLimit + 1) == 0)
            let answer = await rig.run("big")
            #expect(answer.status == .internalServerError)
            #expect(answer.json?["error"]?.stringValue?.contains("larger than") == true, "\(answer.text)")
            let body = HTTPBody(length: WorkflowFolder.fileLimit + 1) { [] }
            let refused = await rig.host.send(.put, "/api/workflow/a", body: body, principal: .testAdmin)
            #expect(refused.status == .contentTooLarge)
        }
    }

    @Test("the list ends at its limit and says so")
    func longList() async throws {
        try await withWorkflows { rig in
            for number in 0...WorkflowFolder.longestList {
                close(open("\(rig.folder)/w\(number).json", O_CREAT | O_WRONLY, 0o644))
            }
            let list = await rig.host.send(.get, "/api/workflows").json
            #expect(list?["total"] == .number(JSONNumber(WorkflowFolder.longestList)))
            #expect(list?["truncated"] == true)
        }
    }

    @Test(
        "what the system says becomes a status",
        arguments: [(ENOSPC, 507), (EDQUOT, 507), (EROFS, 500), (EACCES, 500), (EIO, 500)])
    func problems(_ number: Int32, _ status: Int) {
        let error = FolderProblem("write", "/secret/place", number).httpError
        #expect(error.status.code == status)
        #expect(!error.message.contains("secret") && !error.message.isEmpty)
    }

    @Test("the folder that vanished is an error, not an empty list; when it is back, all is well")
    func vanished() async throws {
        try await withWorkflows { rig in
            #expect(rename(rig.folder, rig.folder + ".gone") == 0)
            let list = await rig.host.send(.get, "/api/workflows")
            #expect(list.status == .internalServerError)
            #expect(list.json?["error"]?.stringValue?.contains("folder") == true)
            #expect(await rig.run("a").status == .notFound)
            #expect(await put(rig, "a", Self.graph).status == .internalServerError)
            #expect(rename(rig.folder + ".gone", rig.folder) == 0)
            #expect(await put(rig, "a", Self.graph).status == .ok)
        }
    }

    @Test("runs beside writers see the old workflow or the new one, whole")
    func concurrency() async throws {
        let padding = String(repeating: "p", count: 300_000)
        let text: @Sendable (Int) -> String = { n in
            #"{"1": {"class_type": "X", "inputs": {"n": \#(n), "p": "\#(padding)", "m": \#(n)}}}"#
        }
        try await withWorkflows(files: ["a.json": text(0)]) { rig in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<3 {
                    group.addTask {
                        for n in 0..<20 { #expect(await put(rig, "a", text(writer * 100 + n)).status == .ok) }
                    }
                    group.addTask {
                        for _ in 0..<20 { #expect(await rig.run("a").status == .ok) }
                    }
                }
                try await group.waitForAll()
            }
            for prompt in rig.backend.calls.submissions {
                let inputs = prompt.prompt["1"]?["inputs"]
                #expect(inputs?["n"] != nil && inputs?["n"] == inputs?["m"])
            }
            #expect(try names(in: rig.folder) == ["a.json"])
        }
    }

    private func names(in path: String) throws -> [String] {
        let folder = try #require(opendir(path))
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
