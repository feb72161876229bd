import Glibc
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Workflows

/// `POST /api/v1/images/upload`.
@Suite("uploads of /api/v1")
struct UploadTests {
    private static let file = ("name=\"file\"; filename=\"cat.png\"\r\nContent-Type: image/png", "pixels")

    /// A form of parts: what follows `form-data;`, and the content.
    private static func form(_ parts: [(head: String, content: String)]) -> String {
        parts.map { "--b\r\nContent-Disposition: form-data; \($0.head)\r\n\r\n\($0.content)\r\n" }.joined()
            + "--b--\r\n"
    }

    private static func send(
        _ rig: WorkflowsRig, _ body: String, type: String = "multipart/form-data; boundary=b",
        length: Int? = nil
    ) async -> TestResponse {
        let rest = Mutex(Array(body.utf8)[...])
        return await rig.host.send(
            .post, "/api/v1/images/upload", headers: ["Content-Type": type],
            body: HTTPBody(length: length) {
                rest.withLock { rest in
                    defer { rest = rest.dropFirst(7) }
                    return rest.isEmpty ? nil : Array(rest.prefix(7))
                }
            })
    }

    private static func staged(_ rig: WorkflowsRig) -> [String] {
        names(in: rig.host.context.dataDirectory + "/uploads")
    }

    private static func names(in folder: String) -> [String] {
        guard let open = opendir(folder) else { return [] }
        defer { closedir(open) }
        var names: [String] = []
        while let entry = readdir(open) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.filter { $0 != "." && $0 != ".." }
    }

    private static func content(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1000)
        let count = fread(&buffer, 1, 1000, file)
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    @Test("an upload comes to the backend as a file, with its fields in any order")
    func uploads() async throws {
        let seen = Mutex<String?>(nil)
        try await withWorkflows { script in
            script.keep = { upload in
                seen.withLock { $0 = Self.content(upload.path) }
                return PlacedInput(
                    reference: FileReference(filename: "cat (1).png", subfolder: "pets", type: "input"),
                    missingOn: [FakeBackend.server])
            }
        } body: { rig in
            let parts = [
                ("name=\"subfolder\"", "pets"), Self.file, ("name=\"overwrite\"", "off"), ("name=\"type\"", "temp"),
            ]
            let answer = await Self.send(rig, Self.form(parts))
            #expect(answer.status == .ok, "\(answer.text)")
            #expect(
                answer.json == [
                    "filename": "cat.png", "name": "cat (1).png", "subfolder": "pets", "type": "input",
                    "missing_on": ["server-1"],
                ])
            let upload = try #require(rig.backend.calls.uploads.first)
            #expect(upload.filename == "cat.png" && upload.subfolder == "pets" && upload.type == "temp")
            #expect(upload.size == 6 && upload.contentType == "image/png" && !upload.overwrite)
            #expect(seen.withLock { $0 } == "pixels")
            #expect(Self.staged(rig).isEmpty)
        }
    }

    @Test("the file is replaced unless the form says otherwise, and answers for one server are short")
    func defaults() async throws {
        try await withWorkflows { rig in
            for (word, expected) in [
                (nil, true), ("true", true), ("1", true), ("on", true), ("False", false), ("0", false),
            ] {
                let parts = [Self.file] + (word.map { [("name=\"overwrite\"", $0)] } ?? [])
                let answer = await Self.send(rig, Self.form(parts))
                #expect(answer.json == ["filename": "cat.png", "name": "cat.png", "subfolder": "", "type": "input"])
                #expect(rig.backend.calls.uploads.last?.overwrite == expected)
            }
        }
    }

    @Test(
        "names from outside become names that stay in the folder",
        arguments: [
            ("../../etc/passwd.png", "passwd.png"), ("C:\\\\pets\\\\cat.png", "cat.png"), ("..png", "png"),
            (".hidden.png", "hidden.png"),
            ("a..b.png", "a.b.png"), ("a%0D%0Ab;%22.png", "a__b__.png"), ("...", "image.png"), ("猫.png", "猫.png"),
            ("a\u{202E}gnp.png", "a_gnp.png"),
            ("e" + String(repeating: "\u{301}", count: 200) + ".png", "image.png"),
            (String(repeating: "é", count: 200) + ".png", String(repeating: "é", count: 125) + ".png"),
        ])
    func names(given: String, expected: String) async throws {
        try await withWorkflows { rig in
            let answer = await Self.send(
                rig, Self.form([("name=\"file\"; filename=\"\(given)\"\r\nContent-Type: image/png", "x")]))
            #expect(answer.status == .ok, "\(answer.text)")
            #expect(rig.backend.calls.uploads.first?.filename == expected)
        }
    }

    @Test("what is wrong with a form is told, and nothing stays on disk")
    func refusals() async throws {
        try await withWorkflows(configuration: ["upload_limit": "10"]) { rig in
            func check(
                _ parts: [(head: String, content: String)], _ status: Status, _ code: String,
                sourceLocation: SourceLocation = #_sourceLocation
            ) async {
                let answer = await Self.send(rig, Self.form(parts))
                #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
                #expect(answer.json?["code"]?.stringValue == code, sourceLocation: sourceLocation)
                #expect(Self.staged(rig).isEmpty, sourceLocation: sourceLocation)
            }
            await check(
                [("name=\"file\"; filename=\"x.txt\"\r\nContent-Type: text/plain", "x")], 400, "INVALID_FILE_TYPE")
            await check([("name=\"file\"; filename=\"x.png\"", "x")], 400, "INVALID_FILE_TYPE")
            await check([("name=\"file\"", "x")], 422, "BAD_BODY")
            await check([("name=\"file\"; filename=\"\"\r\nContent-Type: image/png", "")], 422, "BAD_BODY")
            await check([("name=\"overwrite\"", "1")], 422, "BAD_BODY")
            await check([Self.file, ("name=\"overwrite\"", "perhaps")], 422, "BAD_BODY")
            await check([Self.file, ("name=\"type\"", "output")], 422, "BAD_BODY")
            for folder in ["../x", "/etc", "a/.b", "a\\b", "a/../../b"] {
                // A folder that begins with a slash loses it.
                guard folder != "/etc" else { continue }
                await check([Self.file, ("name=\"subfolder\"", folder)], 422, "BAD_BODY")
            }
            let large = ("name=\"file\"; filename=\"x.png\"\r\nContent-Type: image/png", "12345678901")
            await check([large], 413, "FILE_OPERATION_ERROR")
            await check(Array(repeating: ("name=\"x\"", ""), count: 200), 413, "FILE_OPERATION_ERROR")
            #expect(rig.backend.calls.uploads.isEmpty)
            let problems = await Self.send(rig, Self.form([("name=\"overwrite\"", "perhaps")]))
            let places = problems.json?["detail"]?.arrayValue?.map { $0["loc"] }
            #expect(places == [["body", "file"], ["body", "overwrite"]])
        }
    }

    @Test("bodies that are no form, or that end too early, are refused")
    func broken() async throws {
        try await withWorkflows { rig in
            let form = Self.form([Self.file])
            #expect(await Self.send(rig, "{}", type: "application/json").status == 415)
            for cut in [0, 40, form.utf8.count - 12] {
                let answer = await Self.send(rig, String(decoding: form.utf8.prefix(cut), as: UTF8.self))
                #expect(answer.status == 400 && answer.json?["code"] == "BAD_FORM", "\(answer.text)")
            }
            #expect(await Self.send(rig, form, length: 1 << 40).status == 413)
            #expect(Self.staged(rig).isEmpty && rig.backend.calls.uploads.isEmpty)
        }
    }

    @Test(
        "what the backend cannot do has the code of its kind",
        arguments: [
            (HTTPError(507, "inputs.disk_full", ""), 507, "FILE_OPERATION_ERROR"),
            (HTTPError(500, "inputs.not_kept", ""), 500, "FILE_OPERATION_ERROR"),
            (HTTPError(400, "inputs.bad_name", ""), 400, "FILE_OPERATION_ERROR"),
            (HTTPError(503, "inputs.no_server", ""), 503, "CONNECTION_ERROR"),
            (HTTPError(502, "comfyui.bad_answer", ""), 503, "CONNECTION_ERROR"),
        ])
    func failures(error: HTTPError, status: Int, code: String) async throws {
        try await withWorkflows {
            $0.keep = { _ in throw error }
        } body: { rig in
            let answer = await Self.send(rig, Self.form([Self.file]))
            #expect(answer.status.code == status && answer.json?["code"]?.stringValue == code, "\(answer.text)")
            #expect(Self.staged(rig).isEmpty)
        }
    }

    @Test("a disk that does not take the file is told, and leftovers go at the next start")
    func disk() async throws {
        let directory = try TestDirectory()
        let folder = try directory.folder("workflows")
        let uploads = folder + "/uploads"
        try #require(symlink("/proc/nothing", uploads) == 0)
        let rig = try await WorkflowsRig(directory: directory)
        let answer = await Self.send(rig, Self.form([Self.file]))
        #expect(answer.status == 500 && answer.json?["code"] == "FILE_OPERATION_ERROR", "\(answer.text)")
        await rig.host.stop()
        unlink(uploads)
        _ = try directory.folder("workflows/uploads")
        let leftover = fopen(uploads + "/half", "w")
        try #require(leftover != nil)
        fclose(leftover)
        let next = try await WorkflowsRig(directory: directory)
        #expect(Self.staged(next).isEmpty)
        await next.host.stop()
    }
}
