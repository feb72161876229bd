import PluginAPI
import Synchronization
import Testing

@Suite("Multipart forms")
struct MultipartTests {
    /// One part as a test sees it.
    private struct Field: Equatable {
        var name: String
        var filename: String?
        var type: String?
        var content: String
    }

    private static let type = "multipart/form-data; boundary=\"b:1\""

    /// A request whose body comes in pieces.
    private static func request(_ form: [UInt8], type: String? = type, pieces: Int = 1 << 20) -> Request {
        let rest = Mutex(form[...])
        let body = HTTPBody(length: nil) {
            rest.withLock { rest in
                defer { rest = rest.dropFirst(pieces) }
                return rest.isEmpty ? nil : Array(rest.prefix(pieces))
            }
        }
        return Request(
            id: "1", method: .post, target: "/", headers: type.map { ["Content-Type": $0] } ?? [:], body: body)
    }

    private static func read(
        _ form: String, type: String = type, pieces: Int = 1 << 20, limits: MultipartLimits? = nil
    ) async throws -> [Field] {
        let request = request(Array(form.utf8), type: type, pieces: pieces)
        let reader = try request.multipart(limits ?? MultipartLimits(totalBytes: 1 << 20))
        var fields: [Field] = []
        while let part = try await reader.next() {
            fields.append(
                Field(
                    name: part.name, filename: part.filename, type: part.contentType, content: try await part.text()))
        }
        return fields
    }

    /// The error that reading ends with.
    private static func failure(
        _ form: String, type: String = type, pieces: Int = 1 << 20, limits: MultipartLimits? = nil
    ) async -> (Status, String)? {
        do {
            _ = try await read(form, type: type, pieces: pieces, limits: limits)
            return nil
        } catch let error as HTTPError {
            return (error.status, error.code)
        } catch {
            return nil
        }
    }

    /// Line breaks and dashes wherever they may mislead.
    private static let tricky =
        "preamble\r\n--b:\r\n--b:12\r\nmore\r\n--b:1 \t\r\nContent-Disposition: form-data; name=\"a\"\r\n"
        + "X-Folded: one\r\n\ttwo\r\n\r\n--b:1\r--b:1--\n--b:1--\r\n--b:1x\r\n--b:1-\r\r\n\r\n-\r\n--b:1--x\r\n\r\n--b:1\r\n"
        + "Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--b:1\r\n"
        + "content-disposition:form-data;name=none;filename=\"x y.png\"\r\nContent-Type: image/png\r\n\r\n--b:1\r\n"
        + "Content-Disposition: form-data; name=\"last\"\r\n\r\n\r\nz\r\n\r\n--b:1--  \r\nepilogue\r\n--b:1\r\n"

    private static let trickyFields = [
        Field(
            name: "a",
            content: "--b:1\r--b:1--\n--b:1--\r\n--b:1x\r\n--b:1-\r\r\n\r\n-\r\n--b:1--x\r\n"),
        Field(name: "empty", content: ""),
        Field(name: "none", filename: "x y.png", type: "image/png", content: ""),
        Field(name: "last", content: "\r\nz\r\n"),
    ]

    @Test("parts are the same however the body is cut into pieces", arguments: 1...64)
    func everyPieceSize(size: Int) async throws {
        #expect(try await Self.read(Self.tricky, pieces: size) == Self.trickyFields)
    }

    @Test("parts are the same wherever the body is cut in two")
    func everySplit() async throws {
        let form = Array(Self.tricky.utf8)
        for split in 1..<form.count {
            let pieces = Mutex([Array(form[..<split]), Array(form[split...])])
            var request = Self.request([])
            request.body = HTTPBody(length: nil) { pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
            let reader = try request.multipart(MultipartLimits(totalBytes: 1 << 20))
            var contents: [String] = []
            while let part = try await reader.next() { contents.append(try await part.text()) }
            #expect(contents == Self.trickyFields.map(\.content), "split at \(split)")
        }
    }

    @Test("a body that ends before its closing boundary is refused, wherever that is")
    func truncated() async throws {
        let form =
            "--b:1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b:1\r\n"
            + "Content-Disposition: form-data; name=\"b\"\r\n\r\ny\r\n--b:1--"
        #expect(try await Self.read(form).map(\.content) == ["x", "y"])
        for cut in 0..<form.utf8.count {
            let failure = await Self.failure(String(decoding: form.utf8.prefix(cut), as: UTF8.self), pieces: 7)
            #expect(failure ?? (200, "") == (400, "http.bad_form"), "cut at \(cut)")
        }
    }

    @Test("what is not read of a part is skipped, and a part that is gone cannot be read")
    func skipping() async throws {
        let reader = try Self.request(Array(Self.tricky.utf8), pieces: 5).multipart(
            MultipartLimits(totalBytes: 1 << 20))
        let first = try #require(try await reader.next())
        var beginning = first.body.makeAsyncIterator()
        #expect(try await beginning.next() != nil)
        #expect(try await reader.next()?.name == "empty")
        await #expect(throws: HTTPError.self) { try await first.text() }
        #expect(try await reader.next()?.name == "none")
        #expect(try await reader.next()?.name == "last")
        #expect(try await reader.next() == nil)
        #expect(try await reader.next() == nil)
    }

    @Test("a large part is never held whole")
    func streams() async throws {
        let head = "--b:1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n"
        let sent = Mutex(0)
        var request = Self.request([])
        request.body = HTTPBody(length: nil) {
            let turn = sent.withLock { turn in
                turn += 1
                return turn
            }
            switch turn {
            case 1: return Array(head.utf8)
            case 2...1000: return [UInt8](repeating: 13, count: 4096)
            case 1001: return Array("\r\n--b:1--".utf8)
            default: return nil
            }
        }
        let part = try #require(try await request.multipart(MultipartLimits(totalBytes: 1 << 30)).next())
        var count = 0
        for try await piece in part.body {
            count += piece.count
            #expect(!piece.isEmpty && piece.count <= 4096 + 80)
            // What was pulled is handed on, but for what may begin a boundary.
            #expect(sent.withLock { $0 - 1 } * 4096 - count <= 4096 + 80)
        }
        #expect(count == 999 * 4096)
    }

    @Test(
        "names of files come as they were meant",
        arguments: [
            ("filename=\"a \\\"b\\\" \\\\c.png\"", "a \"b\" \\c.png"),
            ("filename=\"C:\\pets\\cat.png\"", "C:\\pets\\cat.png"),
            ("filename=\"a%22b%0D%0A.png\"", "a\"b\r\n.png"), ("filename=\"100%25.png\"", "100%25.png"),
            ("filename=\"x;y=z.png\"; other=1", "x;y=z.png"), ("filename=\"猫.png\"", "猫.png"),
            ("filename=plain.png ", "plain.png"),
            ("filename=\"fallback.png\"; filename*=UTF-8''%E2%82%AC%20x.png", "€ x.png"),
            ("filename*=utf-8'en'%22q%22.png; filename=\"f.png\"", "\"q\".png"),
            ("filename*=koi8-r''%C1; filename=f.png", "f.png"), ("filename*=broken; filename=f.png", "f.png"),
            ("FileName=\"\"", ""), ("filename=\"unfinished", "unfinished"),
        ])
    func filenames(parameter: String, expected: String) async throws {
        let form = "--b:1\r\nContent-Disposition: Form-Data; name=\"n\"; \(parameter)\r\n\r\n\r\n--b:1--\r\n"
        #expect(try await Self.read(form).first?.filename == expected)
    }

    @Test(
        "headers that are none are refused",
        arguments: [
            "", "Content-Type: text/plain\r\n", "Content-Disposition: form-data\r\n",
            "Content-Disposition: attachment; name=\"a\"\r\n",
            "no colon\r\nContent-Disposition: form-data; name=\"a\"\r\n",
            "Bad Name: x\r\nContent-Disposition: form-data; name=\"a\"\r\n",
            "Content-Disposition: form-data; name=\"a\u{1}\"\r\n",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n",
        ])
    func badHeaders(header: String) async throws {
        let failure = await Self.failure("--b:1\r\n\(header)\r\nx\r\n--b:1--\r\n")
        #expect(failure ?? (200, "") == (400, "http.bad_form"))
    }

    @Test("other bodies are none of a form")
    func types() async throws {
        for type in [nil, "application/json", "multipart/mixed; boundary=x", "multipart/form-datax; boundary=x"] {
            let error = #expect(throws: HTTPError.self) {
                try Self.request([], type: type).multipart(MultipartLimits(totalBytes: 1))
            }
            #expect(error?.status == .unsupportedMediaType)
        }
        for boundary in ["", "boundary=", "boundary=\"\"", "boundary=" + String(repeating: "x", count: 71)] {
            let failure = await Self.failure("--x--", type: "multipart/form-data; " + boundary)
            #expect(failure ?? (200, "") == (400, "http.bad_form"))
        }
        let longest = String(repeating: "x", count: 70)
        #expect(try await Self.read("--\(longest)--", type: "Multipart/Form-Data;boundary=\(longest)").isEmpty)
        var zipped = Self.request([])
        zipped.headers["Content-Encoding"] = "gzip"
        let error = #expect(throws: HTTPError.self) { try zipped.multipart(MultipartLimits(totalBytes: 1)) }
        #expect(error?.status == .unsupportedMediaType)
    }

    @Test("each limit is kept to the byte")
    func limits() async throws {
        let form =
            "--b:1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n12345\r\n--b:1\r\n"
            + "Content-Disposition: form-data; name=\"b\"\r\n\r\n\r\n--b:1--\r\n"
        let total = form.utf8.count
        let header = "Content-Disposition: form-data; name=\"a\"\r\n".utf8.count
        let exact = MultipartLimits(totalBytes: total, parts: 2, headerBytes: header, fieldBytes: 5)
        for pieces in [1, 3, 1 << 20] {
            #expect(try await Self.read(form, pieces: pieces, limits: exact).count == 2)
            for change: WritableKeyPath<MultipartLimits, Int> in [\.totalBytes, \.parts, \.headerBytes, \.fieldBytes] {
                var limits = exact
                limits[keyPath: change] -= 1
                let failure = await Self.failure(form, pieces: pieces, limits: limits)
                #expect(failure?.0 == .contentTooLarge, "\(change)")
            }
        }
        var announced = Self.request([])
        announced.body = HTTPBody(Array(form.utf8))
        let error = #expect(throws: HTTPError.self) { try announced.multipart(MultipartLimits(totalBytes: total - 1)) }
        #expect(error?.status == .contentTooLarge)
        // A header without end, and a preamble without end.
        let endless = "--b:1\r\nX: " + String(repeating: "x", count: 40_000)
        let failure = await Self.failure(endless, pieces: 1000)
        #expect(failure ?? (200, "") == (413, "http.form_too_large"))
        let preamble = String(repeating: "\r\n--b", count: 50_000) + "\r\n" + form
        #expect(try await Self.read(preamble, pieces: 1000).count == 2)
    }
}
