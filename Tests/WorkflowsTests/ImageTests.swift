import Glibc
import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// `GET /api/v1/images/download`, `/url` and the `GET /api/view` that yields to the gateway's.
@Suite("files of /api/v1")
struct ImageTests {
    private static let download = "/api/v1/images/download"

    /// A client that answers `/view` with a status and the address that was asked.
    private static func server(_ status: Status, _ text: String = "", type: String = "image/png") -> StubHTTPClient {
        StubHTTPClient { request in
            ClientResponse(
                status: status, headers: ["Content-Type": type, "Set-Cookie": "x", "ETag": "\"1\""],
                body: HTTPBody(Array((text.isEmpty ? request.url : text).utf8)))
        }
    }

    private static func other(_ id: String, healthy: Bool = true) -> ComfyServer {
        ComfyServer(id: id, name: id, url: "http://\(id):8188", enabled: true, healthy: healthy)
    }

    @Test("a file of a prompt comes from its server as a download; ranges travel along")
    func ofPrompt() async throws {
        try await withWorkflows { script in
            script.jobs["p1"] = PromptJob(promptID: "p1", state: .done, server: FakeBackend.server)
            script.file = { _, _, headers in
                ClientResponse(
                    status: .partialContent,
                    headers: [
                        "Content-Type": "image/png", "Content-Disposition": "filename=\"x\"",
                        "Content-Range": "bytes 0-2/9",
                        "Set-Cookie": "x",
                    ], body: HTTPBody(Array((headers["Range"] ?? "").utf8)))
            }
        } body: { rig in
            let answer = await rig.host.send(
                .get, Self.download + "?prompt_id=p1&filename=%E7%8C%AB%22.png&subfolder=s&type=temp&img_type=input",
                headers: ["Range": "bytes=0-2"])
            #expect(answer.status == .partialContent && answer.text == "bytes=0-2")
            #expect(
                answer.headers["Content-Disposition"]
                    == "attachment; filename=\"__.png\"; filename*=UTF-8''%E7%8C%AB%22.png")
            #expect(answer.headers["Content-Range"] == "bytes 0-2/9" && !answer.headers.contains("Set-Cookie"))
            #expect(answer.headers["X-Content-Type-Options"] == "nosniff")
            let asked = try #require(rig.backend.calls.files.first)
            #expect(asked.promptID == "p1")
            #expect(asked.file == FileReference(filename: "猫\".png", subfolder: "s", type: "temp"))
            _ = await rig.host.send(.get, Self.download + "?prompt_id=p1&filename=x.png&img_type=input")
            #expect(rig.backend.calls.files.last?.file.type == "input")
        }
    }

    @Test("without a prompt one server after the other is asked")
    func anywhere() async throws {
        try await withWorkflows { script in
            script.servers = [Self.other("dead", healthy: false), Self.other("a"), Self.other("b"), Self.other("c")]
            script.clients = [
                "dead": Self.server(200, "wrong"), "a": Self.server(404), "b": StubHTTPClient(),
                "c": Self.server(200, type: "image/svg+xml"),
            ]
        } body: { rig in
            let answer = await rig.host.send(.get, Self.download + "?filename=a%20b.png&subfolder=x/y&preview=webp")
            #expect(answer.status == .ok)
            #expect(answer.text == "/view?filename=a%20b.png&type=output&subfolder=x%2Fy&preview=webp")
            #expect(answer.headers["Content-Disposition"] == "attachment; filename=\"a b.png\"")
            #expect(answer.headers["Content-Security-Policy"]?.hasPrefix("sandbox") == true)
        }
    }

    @Test(
        "a file that is nowhere is 404, and 503 when nobody could be asked",
        arguments: [
            (["a": server(404), "b": StubHTTPClient()], 404, "IMAGE_NOT_FOUND"),
            (["a": server(400)], 404, "IMAGE_NOT_FOUND"),
            (["a": StubHTTPClient()], 503, "CONNECTION_ERROR"), ([:], 503, "CONNECTION_ERROR"),
            (["a": server(500)], 503, "CONNECTION_ERROR"), (["a": server(401)], 503, "CONNECTION_ERROR"),
        ] as [([String: StubHTTPClient], Int, String)])
    func nowhere(clients: [String: StubHTTPClient], status: Int, code: String) async throws {
        try await withWorkflows { script in
            script.servers = clients.keys.sorted().map { Self.other($0) }
            script.clients = clients
        } body: { rig in
            let answer = await rig.host.send(.get, Self.download + "?filename=x.png")
            #expect(answer.status.code == status && answer.json?["code"]?.stringValue == code, "\(answer.text)")
        }
    }

    @Test("a prompt's server that fails is 503, one that has no such file 404")
    func failures() async throws {
        try await withWorkflows { script in
            script.jobs["p1"] = PromptJob(promptID: "p1", state: .done, server: FakeBackend.server)
        } body: { rig in
            let path = Self.download + "?prompt_id=p1&filename=x.png"
            #expect(await rig.host.send(.get, path).json?["code"] == "IMAGE_NOT_FOUND")
            for status: Status in [500, 401] {
                rig.backend.script { $0.file = { _, _, _ in ClientResponse(status: status) } }
                #expect(await rig.host.send(.get, path).json?["code"] == "CONNECTION_ERROR")
            }
            rig.backend.script {
                $0.file = { _, _, _ in throw HTTPClientError(.timeout, mayHaveBeenProcessed: true, "") }
            }
            #expect(await rig.host.send(.get, path).status == .serviceUnavailable)
            let unknown = await rig.host.send(.get, Self.download + "?prompt_id=p2&filename=x.png")
            #expect(unknown.status == .notFound)
        }
    }

    @Test("input files come from the store when no server has them")
    func kept() async throws {
        try await withWorkflows { rig in
            let input = try rig.host.directory.folder("input")
            _ = try rig.host.directory.folder("input/pets")
            let file = fopen(input + "/pets/cat.png", "w")
            try #require(file != nil)
            fputs("pixels", file)
            fclose(file)
            let answer = await rig.host.send(.get, Self.download + "?filename=cat.png&subfolder=pets&type=input")
            #expect(answer.status == .ok && answer.text == "pixels")
            #expect(
                answer.headers["Content-Type"] == "image/png" && answer.headers["X-Content-Type-Options"] == "nosniff")
            for (range, status, text) in [
                ("bytes=1-3", 206, "ixe"), ("bytes=-2", 206, "ls"), ("bytes=4-", 206, "ls"), ("bytes=6-", 416, ""),
                ("bytes=-0", 416, ""), ("bytes=0-1,3-4", 200, "pixels"), ("bytes=x", 200, "pixels"),
                ("bytes=99999999999999999999-", 416, ""), ("bytes=0-99999999999999999999", 206, "pixels"),
            ] {
                let part = await rig.host.send(
                    .get, Self.download + "?filename=cat.png&subfolder=pets&type=input", headers: ["Range": range])
                #expect(part.status.code == status && part.text == text, "\(range): \(part.status) \(part.text)")
            }
            for query in ["filename=cat.png&subfolder=pets", "filename=pets&type=input", "filename=dog.png&type=input"]
            {
                #expect(await rig.host.send(.get, Self.download + "?" + query).status == .serviceUnavailable)
            }
        }
    }

    @Test("a key without jobs:all gets the files of its own results")
    func privacy() async throws {
        let own = Principal(kind: .apiKey, id: "own", name: "", scopes: [JobScope.jobs])
        let all = Principal(kind: .apiKey, id: "all", name: "", scopes: [JobScope.jobs, JobScope.allJobs])
        try await withWorkflows(openSurfaces: false) { script in
            for (id, key) in [("mine", "own"), ("theirs", "other")] {
                script.jobs[id] = PromptJob(promptID: id, state: .done, server: FakeBackend.server)
                script.jobs[id]?.caller = JobCaller.key(key)
            }
            script.histories = [
                "mine": ["outputs": ["9": ["images": [["filename": "mine.png", "subfolder": "", "type": "output"]]]]]
            ]
            script.file = { _, _, _ in ClientResponse(status: .ok, body: HTTPBody([1])) }
            script.clients = ["server-1": Self.server(200)]
        } body: { rig in
            for path in [Self.download, "/api/view"] {
                func status(_ query: String, _ principal: Principal?) async -> Int {
                    await rig.host.send(.get, path + "?" + query, principal: principal).status.code
                }
                #expect(await status("prompt_id=mine&filename=mine.png", own) == 200)
                #expect(await status("prompt_id=mine&filename=mine.png&type=input", own) == 404)
                #expect(await status("prompt_id=mine&filename=other.png", own) == 404)
                #expect(await status("prompt_id=theirs&filename=mine.png", own) == 403)
                #expect(await status("filename=mine.png", own) == 403)
                #expect(await status("filename=mine.png", all) == 200)
                #expect(await status("prompt_id=theirs&filename=other.png", all) == 200)
                #expect(await status("filename=mine.png", nil) == 401)
            }
        }
    }

    @Test(
        "queries of the wrong form are refused",
        arguments: [
            "", "filename=", "filename=x&type=user", "filename=../x", "filename=x&subfolder=../y",
            "filename=/etc/passwd", "filename=a%00",
        ])
    func queries(query: String) async throws {
        try await withWorkflows { rig in
            for path in [Self.download, "/api/v1/images/url"] {
                let answer = await rig.host.send(.get, path + "?" + query)
                #expect(answer.status == .unprocessableContent && answer.json?["detail"]?.arrayValue?.count == 1)
            }
            let view = await rig.host.send(.get, "/api/view?" + query)
            #expect(view.status == .badRequest && view.json?["status_code"] == 400)
        }
    }

    @Test("an address leads here, or to the server where that is wanted and known")
    func addresses() async throws {
        let path = "/api/v1/images/url?filename=a%26b.png&subfolder=&type=temp"
        try await withWorkflows { rig in
            let answer = await rig.host.send(.get, path)
            #expect(answer.json?["url"] == "http://test.local/api/view?filename=a%26b.png&subfolder=&type=temp")
            #expect(answer.json?["filename"] == "a&b.png")
            #expect(answer.json?["comfyui_url"] == "http://gpu-1:8188/view?filename=a%26b.png&subfolder=&type=temp")
        }
        try await withWorkflows(configuration: ["image_urls": "direct"]) { script in
            script.servers = [Self.other("a"), Self.other("b")]
            script.jobs["p"] = PromptJob(promptID: "p", state: .done, server: Self.other("b"))
        } body: { rig in
            // Which server has it is not known: `/api/view` could not say either, the download asks them all.
            let ours = "http://test.local/api/v1/images/download?filename=a%26b.png&subfolder=&type=temp"
            let unknown = await rig.host.send(.get, path).json
            #expect(unknown?["url"] == .string(ours) && unknown?["comfyui_url"] == nil)
            let lost = await rig.host.send(.get, path + "&prompt_id=nobody").json?["url"]?.stringValue
            #expect(lost?.hasPrefix("http://test.local/api/view?prompt_id=nobody&") == true)
            let known = await rig.host.send(.get, path + "&prompt_id=p")
            #expect(known.json?["url"] == "http://b:8188/view?filename=a%26b.png&subfolder=&type=temp")
        }
    }

    @Test("the view of ComfyUI has the errors of its neighbours")
    func view() async throws {
        try await withWorkflows {
            $0.clients = ["server-1": Self.server(200)]
        } body: { rig in
            let answer = await rig.host.send(.get, "/api/view?filename=x.png")
            #expect(answer.status == .ok && answer.text == "/view?filename=x.png&type=output")
            #expect(answer.headers["ETag"] == "\"1\"" && answer.headers["X-Content-Type-Options"] == "nosniff")
            rig.backend.script { $0.clients = ["server-1": Self.server(404)] }
            let missing = await rig.host.send(.get, "/api/view?filename=x.png")
            #expect(missing.status == .notFound && missing.json?["status_code"] == 404)
        }
    }
}
