import Glibc
import Host
import PluginAPI
import Testing

@Suite("HTTP server: requests and answers")
struct HTTPServerTests {
    @Test("a GET and a POST are answered on one connection")
    func getAndPost() async throws {
        try await withServer { request in
            let body = (try? await request.body.collect(upTo: 1 << 20)) ?? []
            return text("\(request.method) \(request.target) \(String(decoding: body, as: UTF8.self))")
        } _: { _, port in
            let client = try RawClient(port: port)
            let first = try await client.get("/a%2Fb?q=%20x&a+b")
            #expect(first.status == 200)
            #expect(first.text == "GET /a%2Fb?q=%20x&a+b ")
            #expect(first["content-length"] == "22")
            #expect(first["date"] != nil)
            #expect(first["x-request-id"]?.count == 16)
            try await client.send("POST /p HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello")
            #expect(try await client.readAnswer().text == "POST /p hello")
        }
    }

    @Test("header fields arrive in order, duplicates kept, and the peer's address is known")
    func headerOrder() async throws {
        try await withServer { request in
            let names = request.headers.fields.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
            return text("\(request.remoteAddress) \(request.scheme) \(names)")
        } _: { _, port in
            let answer = try await RawClient(port: port).get("/", "B: 1\r\na:  2 \r\nB: 3\r\nEmpty:\r\n")
            #expect(answer.text == "127.0.0.1 http Host=test;B=1;a=2;B=3;Empty=")
        }
    }

    @Test(
        "a usable request id of the client is kept",
        arguments: [("abc.DEF_1-2", true), ("a b", false), (String(repeating: "x", count: 65), false)])
    func requestID(id: String, isKept: Bool) async throws {
        try await withServer { request in
            text(request.id)
        } _: { _, port in
            let answer = try await RawClient(port: port).get("/", "X-Request-Id: \(id)\r\n")
            #expect(answer["x-request-id"] == answer.text)
            #expect((answer.text == id) == isKept)
        }
    }

    @Test("an answer's fields are kept, but none can split the header")
    func answerHeaders() async throws {
        try await withServer { _ in
            var response = Response.text("x")
            response.headers.append("Set-Cookie", "a=1")
            response.headers.append("Set-Cookie", "b=2")
            response.headers.append("Bad", "1\r\nInjected: yes")
            response.headers.append("Bad Name", "1")
            response.headers.append("Empty", "")
            response.headers.append("Content-Length", "999")
            response.headers.append("Transfer-Encoding", "chunked")
            response.headers.append("X-Request-Id", "forged")
            return .response(response)
        } _: { _, port in
            let client = try RawClient(port: port)
            let answer = try await client.get("/")
            #expect(answer.headers.filter { $0.name == "Set-Cookie" }.map(\.value) == ["a=1", "b=2"])
            #expect(answer["bad"] == nil)
            #expect(answer["injected"] == nil)
            #expect(answer["bad name"] == nil)
            #expect(answer["empty"]?.isEmpty == true)
            #expect(answer["content-length"] == "1")
            #expect(answer["transfer-encoding"] == nil)
            #expect(answer.headers.filter { $0.name == "X-Request-Id" }.count == 1)
            #expect(answer["x-request-id"] != "forged")
            #expect(try await client.get("/").text == "x")
        }
    }

    @Test("HEAD gives the header with its length and no body", arguments: [0, 1, 2, 3])
    func head(kind: Int) async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/file"
            #expect(system("printf 12345 > \(path)") == 0)
            try await withServer { request in
                switch kind {
                case 0: text("12345")
                case 1: .response(Response(body: .file(path: path)))
                case 2: .response(Response(body: .stream(length: 5) { _ in Issue.record("must not be written") }))
                default: .response(Response(headers: ["Content-Length": "5"]))
                }
            } _: { _, port in
                let client = try RawClient(port: port)
                for _ in 0..<2 {
                    try await client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
                    let answer = try await client.readAnswer(hasBody: false)
                    #expect(answer.status == 200)
                    #expect(answer["content-length"] == "5")
                }
            }
        }
    }

    @Test("204 and 304 have no body", arguments: [204, 304])
    func bodiless(code: Int) async throws {
        try await withServer { _ in
            .response(Response(status: Status(code), body: .bytes(Array("ignored".utf8))))
        } _: { _, port in
            let client = try RawClient(port: port)
            for _ in 0..<2 { #expect(try await client.get("/").status == code) }
        }
    }

    @Test("pipelined requests are answered in order, also when handlers are slow")
    func pipelining() async throws {
        try await withServer { request in
            if request.path == "/slow" { try? await Task.sleep(for: .milliseconds(50)) }
            return text(request.target)
        } _: { _, port in
            let client = try RawClient(port: port)
            let targets = (0..<40).map { $0 % 7 == 0 ? "/slow?\($0)" : "/fast?\($0)" }
            try await client.send(targets.map { "GET \($0) HTTP/1.1\r\nHost: test\r\n\r\n" }.joined())
            for target in targets { #expect(try await client.readAnswer().text == target) }
        }
    }

    @Test("an HTTP/1.0 client is answered and its connection closed")
    func oldClient() async throws {
        try await withServer { _ in
            .response(Response(body: .stream(length: nil) { try await $0.write(Array("stream".utf8)) }))
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send("GET / HTTP/1.0\r\n\r\n")
            let answer = try await client.readAnswer()
            #expect(answer["transfer-encoding"] == nil)
            #expect(answer.text == "stream")
        }
    }

    @Test("Expect: 100-continue is answered before the body", arguments: [5, 200_000])
    func expectContinue(size: Int) async throws {
        try await withServer { request in
            text("\((try? await request.body.collect(upTo: 1 << 20))?.count ?? -1)")
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(size)\r\nExpect: 100-continue\r\n\r\n")
            #expect(try await client.readHead().status == 100)
            try await client.send([UInt8](repeating: 1, count: size))
            #expect(try await client.readAnswer().text == "\(size)")
        }
    }

    @Test("a large upload can be refused before any of it is sent")
    func refusedUpload() async throws {
        try await withServer { _ in
            .response(Response(status: 403))
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n")
            let answer = try await client.readAnswer()
            #expect(answer.status == 403)
            #expect(answer["connection"] == "close")
        }
    }

    @Test("a refusal reaches a client that goes on sending")
    func lingering() async throws {
        var limits = HTTPLimits()
        limits.body = 1 << 20
        try await withServer(limits: limits) { _ in
            text("unexpected")
        } _: { _, port in
            let client = try RawClient(port: port)
            let size = 3 << 20
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(size)\r\n\r\n")
            try await client.send([UInt8](repeating: 1, count: size))
            let answer = try await client.readAnswer()
            #expect(answer.status == 413)
            #expect(answer["connection"] == "close")
        }
    }

    @Test(
        "parts of a file are sent",
        arguments: [(0, nil), (2, nil), (0, 3), (4, 2), (6, 0), (6, nil)] as [(Int, Int?)])
    func files(offset: Int, length: Int?) async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/file"
            #expect(system("printf 012345 > \(path)") == 0)
            try await withServer { _ in
                .response(Response(body: .file(path: path, offset: offset, length: length)))
            } _: { _, port in
                let client = try RawClient(port: port)
                let end = length.map { offset + $0 } ?? 6
                for _ in 0..<2 {
                    let answer = try await client.get("/")
                    #expect(answer.text == String("012345".dropFirst(offset).prefix(end - offset)))
                }
            }
        }
    }

    @Test("a file that is not there, or too short, gives 500 and not a broken answer")
    func missingFile() async throws {
        try await withServer { request in
            .response(Response(body: .file(path: request.path == "/dir" ? "/tmp" : "/nonexistent", length: 7)))
        } _: { _, port in
            let client = try RawClient(port: port)
            #expect(try await client.get("/").status == 500)
            #expect(try await client.get("/dir").status == 500)
        }
    }

    @Test("a large answer is whole")
    func largeAnswer() async throws {
        let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await withServer { _ in
            .response(Response(body: .bytes(bytes)))
        } _: { _, port in
            let client = try RawClient(port: port)
            for _ in 0..<2 { #expect(try await client.get("/").body == bytes) }
        }
    }

    @Test("many clients at once are all answered, and counted")
    func concurrency() async throws {
        try await withServer { request in
            if request.path == "/wait" { try? await Task.sleep(for: .milliseconds(2)) }
            return text(request.target)
        } _: { server, port in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<24 {
                    group.addTask {
                        let raw = try RawClient(port: port)
                        for number in 0..<20 {
                            let target = number % 2 == 0 ? "/wait?\(client)-\(number)" : "/\(client)-\(number)"
                            #expect(try await raw.get(target).text == target)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.counters.requests == 480)
            #expect(await eventually { server.counters.requestsInFlight == 0 })
            #expect(await eventually { server.openConnections == 0 })
        }
    }
}
