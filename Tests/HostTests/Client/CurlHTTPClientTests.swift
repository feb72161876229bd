import Host
import PluginAPI
import Testing

@Suite("the HTTP client sends requests")
struct CurlHTTPClientTests {
    @Test("a GET brings status, header fields and body")
    func get() async throws {
        let seen = Seen<RawRequest>()
        let server = RawServer { connection in
            guard let request = connection.readRequest() else { return }
            seen.add(request)
            connection.answer("hello", status: "203 Fine", headers: "X-A: 1\r\nx-a:  2 \r\nX-Empty:\r\n")
        }
        try await withClient { client, _ in
            let answer = try await client.send(
                ClientRequest(.get, server.url("/a/../b?x=%20"), headers: ["X-Mine": "yes", "X-Nothing": ""]))
            #expect(answer.status == 203)
            #expect(answer.headers.values(for: "X-A") == ["1", "2"])
            #expect(answer.headers["x-empty"] == "")
            #expect(try await answer.text == "hello")
        }
        let request = try #require(seen.all.first)
        #expect(request.line == "GET /a/../b?x=%20 HTTP/1.1")
        #expect(request.header("x-mine") == "yes")
        #expect(request.header("x-nothing") == "")
        #expect(request.header("host") == "127.0.0.1:\(server.port)")
        #expect(request.header("user-agent") == "comfyd/dev")
        #expect(request.header("accept-encoding") == nil)
        #expect(request.header("cookie") == nil)
    }

    @Test("a POST carries its bytes with a length and no field it was not given")
    func post() async throws {
        let seen = Seen<RawRequest>()
        let server = RawServer { connection in
            while let request = connection.readRequest() {
                seen.add(request)
                connection.answer()
            }
        }
        let large = [UInt8](repeating: 7, count: 3_000_000)
        try await withClient { client, _ in
            for body in [[], Array("abc".utf8), large] {
                #expect(try await client.send(ClientRequest(.post, server.url(), body: HTTPBody(body))).status == 200)
            }
            _ = try await client.send(ClientRequest(.post, server.url()))
            _ = try await client.send(ClientRequest(.delete, server.url(), body: HTTPBody([1])))
            _ = try await client.send(ClientRequest(.delete, server.url()))
            _ = try await client.send(ClientRequest(HTTPMethod(rawValue: "PURGE"), server.url()))
        }
        #expect(seen.all.map(\.body) == [[], Array("abc".utf8), large, [], [1], [], []])
        #expect(seen.all.map { $0.header("content-length") } == ["0", "3", "3000000", "0", "1", nil, nil])
        #expect(seen.all.last?.line == "PURGE / HTTP/1.1")
        for request in seen.all {
            #expect(request.header("expect") == nil)
            #expect(request.header("content-type") == nil)
            #expect(request.header("transfer-encoding") == nil)
        }
    }

    @Test("requests one after the other use one connection")
    func pooled() async throws {
        let server = RawServer { connection in
            while connection.readRequest() != nil { connection.answer("\(connection.number)") }
        }
        var settings = HTTPClientSettings()
        // However slow the machine is, the connection shall be reused.
        settings.idleLifetimeForUnsafeMethods = .seconds(600)
        try await withClient(settings: settings) { client, _ in
            for method in [HTTPMethod.get, .post, .put, .get, .head, .get] {
                _ = try await client.send(ClientRequest(method, server.url()))
            }
        }
        #expect(server.connectionCount == 1)
    }

    @Test("200 requests at once are all answered, on several loops")
    func concurrent() async throws {
        let server = RawServer { connection in
            while let request = connection.readRequest() { connection.answer(request.line) }
        }
        try await withClient(loops: 2) { client, _ in
            try await withThrowingTaskGroup(of: Bool.self) { tasks in
                for number in 0..<200 {
                    tasks.addTask {
                        let answer = try await client.send(ClientRequest(.get, server.url("/\(number)")))
                        return try await answer.text == "GET /\(number) HTTP/1.1"
                    }
                }
                for try await isRight in tasks { #expect(isRight) }
            }
            #expect(await client.requestCount == 0)
        }
    }

    @Test("requests above the limit of connections wait their turn")
    func connectionLimit() async throws {
        let server = RawServer { connection in
            while connection.readRequest() != nil { connection.answer("\(connection.number)") }
        }
        var settings = HTTPClientSettings()
        settings.maxConnectionsPerHost = 3
        try await withClient(settings: settings) { client, _ in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 0..<50 {
                    tasks.addTask { _ = try await client.send(ClientRequest(.get, server.url())) }
                }
                try await tasks.waitForAll()
            }
        }
        #expect(server.connectionCount <= 3)
    }

    @Test("a task on a loop is answered on that loop")
    func staysOnLoop() async throws {
        let server = RawServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        }
        try await withClient(loops: 2) { client, group in
            for loop in group.loops {
                let isOnLoop = try await withTaskExecutorPreference(loop) {
                    _ = try await client.send(ClientRequest(.get, server.url()))
                    return loop.isCurrent
                }
                #expect(isOnLoop)
            }
        }
        #expect(server.connectionCount == 2)
    }

    @Test("credentials become a Basic header and replace one that was there")
    func credentials() async throws {
        let seen = Seen<RawRequest>()
        let server = RawServer { connection in
            while let request = connection.readRequest() {
                seen.add(request)
                connection.answer(status: "401 Unauthorized", headers: "WWW-Authenticate: Basic realm=\"x\"\r\n")
            }
        }
        try await withClient { client, _ in
            let credentials = BasicCredentials(username: "Aladdin", password: Secret("open sesame"))
            for headers in [[:], ["Authorization": "Bearer x"]] as [HTTPFields] {
                let request = ClientRequest(.get, server.url(), headers: headers, credentials: credentials)
                #expect(try await client.send(request).status == 401)
            }
            _ = try await client.send(ClientRequest(.get, server.url()))
        }
        #expect(
            seen.all.map { $0.header("authorization") } == [
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", nil,
            ])
    }

    @Test(
        "what cannot be a request is refused before a connection is made",
        arguments: [
            "", "/relative", "ftp://127.0.0.1/", "ws://127.0.0.1/", "http://", "http:///x", "http://user@127.0.0.1/",
            "http://user:secret@127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.0.0.1:/",
            "http://a b/", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1\\@example.org/", "http://[::1/", "http://é/",
        ])
    func invalidURL(_ url: String) async throws {
        try await withClient { client, _ in
            let error = try await clientError { _ = try await client.send(ClientRequest(.get, url)) }
            #expect(error.reason == .invalidURL)
            #expect(!error.mayHaveBeenProcessed)
            #expect(!error.description.contains("secret"))
        }
    }

    @Test("header fields that would split the header are refused")
    func headerInjection() async throws {
        try await withClient { client, _ in
            for headers in [["X": "a\r\nY: b"], ["X\r\nY": "b"], ["X Y": "b"], ["": "b"], ["X": "a\0b"]] as [HTTPFields]
            {
                let error = try await clientError {
                    _ = try await client.send(ClientRequest(.get, "http://127.0.0.1:9/", headers: headers))
                }
                #expect(error.reason == .invalidURL)
            }
            let error = try await clientError {
                let method = HTTPMethod(rawValue: "GET / HTTP/1.1\r\nX:")
                _ = try await client.send(ClientRequest(method, "http://127.0.0.1:9/"))
            }
            #expect(error.reason == .invalidURL)
        }
    }
}
