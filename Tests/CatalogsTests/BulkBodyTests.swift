import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// Bodies that are large, broken, or of another kind; queries that are wrong.
@Suite struct BulkBodyTests {
    /// Versions as JSON lines, each with its number.
    private static func versions(_ numbers: Range<Int>) -> String {
        numbers.map { "{\"version\":\"v\($0)\"}\n" }.joined()
    }

    /// A body that gives texts and then fails, or ends.
    private static func body(_ texts: [String], failing error: (any Error)? = nil) -> HTTPBody {
        let count = Counter()
        return HTTPBody(length: nil) {
            let place = count.next() - 1
            if texts.indices.contains(place) { return Array(texts[place].utf8) }
            if let error { throw error }
            return nil
        }
    }

    @Test("a body that breaks off leaves the batches before it, and says so")
    func brokenOff() async throws {
        try await withCatalogs { rig in
            let gone = HTTPError(.badRequest, "http.bad_request", "The client went away.")
            let body = Self.body([Self.versions(0..<700), Self.versions(700..<1100)], failing: gone)
            let answer = await rig.takeIn("version-catalog", "format=jsonl", body)
            #expect(answer.status == .badRequest)
            #expect(
                answer.json?["error"]
                    == "The client went away. 1000 new and 0 changed rows from before that are stored.")
            let count = try await rig.rows("version-catalog").count
            #expect(count == 1000)
            let dry = await rig.takeIn(
                "version-catalog", "format=jsonl&dry_run=1", Self.body([Self.versions(0..<700)], failing: gone))
            #expect(dry.json?["error"] == "The client went away.")
        }
    }

    @Test("large rows make smaller transactions")
    func largeRows() async throws {
        try await withCatalogs { rig in
            let gone = HTTPError(.badRequest, "http.bad_request", "The client went away.")
            let notes = String(repeating: "n", count: 10_000)
            let rows = (0..<300).map { "{\"version\":\"v\($0)\",\"notes\":\"\(notes)\"}\n" }
            _ = await rig.takeIn("version-catalog", "format=jsonl", Self.body(rows, failing: gone))
            // Each mebibyte of 105 rows was stored.
            let count = try await rig.rows("version-catalog").count
            #expect(count == 210)
        }
    }

    @Test("a body that breaks off early stores nothing")
    func brokenEarly() async throws {
        try await withCatalogs { rig in
            let gone = HTTPError(.badRequest, "http.bad_request", "The client went away.")
            let body = Self.body([Self.versions(0..<499)], failing: gone)
            let answer = await rig.takeIn("version-catalog", "format=jsonl", body)
            #expect(answer.json?["error"] == "The client went away.")
            let count = try await rig.rows("version-catalog").count
            #expect(count == 0)
        }
    }

    @Test("a quote that never closes leaves the batches before it, and says so")
    func openQuote() async throws {
        try await withCatalogs { rig in
            let lines = "version,notes\n" + (0..<600).map { "v\($0),\n" }.joined() + "v600,\"open\n"
            let answer = await rig.takeIn("version-catalog", "format=csv", lines)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.text.contains("A quote opens in line 602 and never closes."))
            #expect(
                answer.json?["error"]?.stringValue?.hasSuffix("500 new and 0 changed rows from before that are stored.")
                    == true)
        }
    }

    @Test("a full disk in the middle of an import is told with what is stored")
    func fullDisk() async throws {
        try await withCatalogs { rig in
            let body = Self.body([Self.versions(0..<500)], failing: DatabaseError(.full, "full"))
            let answer = await rig.takeIn("version-catalog", "format=jsonl", body)
            #expect(answer.status == .insufficientStorage)
            #expect(answer.json?["error"]?.stringValue?.contains("500 new and 0 changed rows") == true)
        }
    }

    @Test("where the pieces of a body end makes no difference")
    func pieces() async throws {
        try await withCatalogs { rig in
            let text = """
                {"version":"v1","notes":"é😀"}\r
                \r
                {"version":"v2"
                  {"version":"v3"}
                """
            for length in [1, 2, 3, 7] {
                var rest = Array(text.utf8)[...]
                var parts: [[UInt8]] = []
                while !rest.isEmpty {
                    parts.append(Array(rest.prefix(length)))
                    rest = rest.dropFirst(length)
                }
                let count = Counter()
                let body = HTTPBody(length: nil) { [parts] in
                    let place = count.next() - 1
                    return parts.indices.contains(place) ? parts[place] : nil
                }
                let report = await rig.takeIn("version-catalog", "format=jsonl&dry_run=1", body)
                #expect(report.counts == Counts(rows: 3, new: 2, skipped: 1))
                #expect(report.json?["problems"]?[0]?["line"] == 3)
            }
        }
    }

    @Test("a line that is too long is skipped, its neighbours are stored")
    func longLine() async throws {
        try await withCatalogs { rig in
            let long = String(repeating: "x", count: JSONLinesReader.longestLine)
            let body = Self.body([Self.versions(0..<1), "{\"version\":\"", long, "\"}\n", Self.versions(1..<2)])
            let report = await rig.takeIn("version-catalog", "format=jsonl", body)
            #expect(report.counts == Counts(rows: 3, new: 2, skipped: 1))
            #expect(report.reasons == ["2 : The line is longer than 1048576 bytes."])
        }
    }

    @Test("bytes that are no text are a wrong line")
    func notUTF8() async throws {
        try await withCatalogs { rig in
            let bytes = Array("{\"version\":\"".utf8) + [0xFF] + Array("\"}\n\u{FEFF}{\"version\":\"ok\"}".utf8)
            let report = await rig.takeIn("version-catalog", "format=jsonl", HTTPBody(bytes))
            #expect(report.counts == Counts(rows: 2, new: 1, skipped: 1))
        }
    }

    @Test("more than the upload limit is refused, whether the body says so or not")
    func uploadLimit() async throws {
        var daemon = DaemonSettings()
        daemon.uploadLimit = 20_000
        try await withCatalogs(daemon: daemon) { rig in
            let announced = await rig.takeIn("version-catalog", "format=jsonl", Self.versions(0..<1200))
            #expect(announced.status == .contentTooLarge)
            #expect(announced.json?["detail"] == "BODY_TOO_LARGE")
            #expect(announced.json?["error"] == "The body is larger than 20000 bytes.")
            let reads = Counter()
            let unread = HTTPBody(length: 20_001) {
                _ = reads.next()
                return nil
            }
            #expect(await rig.takeIn("version-catalog", "format=jsonl", unread).status == .contentTooLarge)
            #expect(reads.value == 0)
            let body = Self.body([Self.versions(0..<600), Self.versions(600..<1200)])
            let unannounced = await rig.takeIn("version-catalog", "format=jsonl", body)
            #expect(unannounced.status == .contentTooLarge)
            #expect(
                unannounced.json?["error"]
                    == "The body is larger than 20000 bytes. 500 new and 0 changed rows from before that are stored.")
        }
    }

    @Test("more rows than an import may have end it")
    func rowLimit() async throws {
        try await withCatalogs { rig in
            let work = Self.work(rig, rowLimit: 3)
            let report = try await work.run(HTTPBody(Array(Self.versions(0..<3).utf8)), JSONLinesReader(.versions))
            #expect(report.new == 3)
            let error = await #expect(throws: HTTPError.self) {
                _ = try await work.run(HTTPBody(Array("1\n2\n3\n4\n".utf8)), JSONLinesReader(.versions))
            }
            #expect(error?.status == .contentTooLarge)
        }
    }

    @Test("what was to be filled and is gone is not made anew")
    func deletedMeanwhile() async throws {
        struct Filling: ImportReader {
            var rows: [ImportRow]?
            mutating func end() -> [ImportRow]? {
                defer { rows = nil }
                return rows
            }
        }
        try await withCatalogs { rig in
            let values: JSONObject = ["node_key": "Gone", "description": "x"]
            let row = ImportRow(.plugins, line: 1, values: values, isChange: true)
            let report = try await Self.work(rig, .plugins).run(HTTPBody(), Filling(rows: [row]))
            #expect(report.skipped == 1)
            let count = try await rig.rows("plugin-catalog").count
            #expect(count == 0)
            _ = await rig.send(.post, "/plugin-catalog", ["node_key": "Gone", "display_name": "Back"])
            let second = try await Self.work(rig, .plugins).run(HTTPBody(), Filling(rows: [row]))
            #expect(second.changed == 1)
        }
    }

    private static func work(
        _ rig: CatalogsRig, _ kind: CatalogKind = .versions, rowLimit: Int = CatalogImport.mostRows
    ) -> CatalogImport {
        CatalogImport(
            kind: kind, store: rig.host.plugin.store, blocking: rig.host.context.blocking,
            author: ChangeAuthor(Request(id: "r", method: .post, target: "/")), existing: .update, unit: "line",
            isDryRun: false, byteLimit: 1000, rowLimit: rowLimit)
    }

    @Test("a thousand problems are told, the rest is counted")
    func manyProblems() async throws {
        try await withCatalogs { rig in
            let report = await rig.takeIn("loras", "format=jsonl", String(repeating: "x\n", count: 1500))
            #expect(report.counts == Counts(rows: 1500, skipped: 1500))
            #expect(report.json?["problems"]?.arrayValue?.count == ImportReport.mostProblems)
            #expect(report.json?["problems_omitted"] == 500)
        }
    }

    @Test("an empty file changes nothing")
    func empty() async throws {
        try await withCatalogs { rig in
            #expect(await rig.takeIn("loras", "format=jsonl", "").counts == Counts())
            let file = await rig.send(.get, "/loras/export?format=csv").text
            #expect(await rig.takeIn("loras", "format=csv", file).counts == Counts())
        }
    }

    @Test(
        "queries that are wrong",
        arguments: [
            ("", "format", "missing"), ("format=xml", "format", "enum"),
            ("format=jsonl&existing=replace", "existing", "enum"),
            ("format=csv&dry_run=maybe", "dry_run", "bool_parsing"), ("format=", "format", "missing"),
        ])
    func wrongQuery(_ query: String, _ name: String, _ type: String) async throws {
        try await withCatalogs { rig in
            let answer = await rig.takeIn("loras", query, "{}", type: "application/x-www-form-urlencoded")
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?.arrayValue?.count == 1)
            #expect(answer.json?["detail"]?[0]?["loc"] == ["query", .string(name)])
            #expect(answer.json?["detail"]?[0]?["type"] == .string(type))
        }
    }

    @Test(
        "the media type tells the format",
        arguments: [
            ("application/jsonl", "jsonl"), ("Application/X-NDJSON; charset=utf-8", "jsonl"),
            ("application/x-jsonlines", "jsonl"),
            ("application/ndjson", "jsonl"),
        ])
    func mediaType(_ type: String, _ format: String) async throws {
        try await withCatalogs { rig in
            let report = await rig.takeIn("version-catalog", "", Self.versions(0..<2), type: type)
            #expect(report.json?["format"] == .string(format))
            #expect(report.counts.new == 2)
        }
    }

    @Test("a form or a compressed file is 415")
    func wrapped() async throws {
        try await withCatalogs { rig in
            let form = await rig.takeIn("loras", "format=csv", "--x", type: "multipart/form-data; boundary=x")
            #expect(form.status == .unsupportedMediaType)
            let zipped = await rig.host.send(
                .post, "/api/admin/comfyui/loras/import?format=jsonl", headers: ["Content-Encoding": "gzip"],
                body: HTTPBody([0x1F, 0x8B]), principal: .testAdmin)
            #expect(zipped.status == .unsupportedMediaType)
            #expect(zipped.headers["accept-encoding"] == "identity")
        }
    }

    @Test("nobody but the administrator and keys of the catalogs imports or exports")
    func access() async throws {
        try await withCatalogs { rig in
            for (method, path) in [(HTTPMethod.post, "import?format=jsonl"), (.get, "export")] {
                let path = "/api/admin/comfyui/loras/\(path)"
                #expect(await rig.host.send(method, path).json?["detail"] == "AUTHORIZATION_REQUIRED")
                #expect(await rig.host.send(method, path, principal: .testKey).json?["detail"] == "ADMIN_ONLY")
            }
        }
    }
}
