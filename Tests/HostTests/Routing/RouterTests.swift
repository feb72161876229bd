import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("The router")
struct RouterTests {
    struct Defect: Error {}
    struct Busy: HTTPErrorConvertible {
        var httpError: HTTPError {
            HTTPError(.tooManyRequests, "p.busy", "Busy.", headers: ["Retry-After": "7"], cause: Defect())
        }
    }

    @Test("a handler gets decoded parameters, HEAD as GET, and answers carry the request's id")
    func answering() async throws {
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/a"], surface: .native) { routes in
                routes.get("/a/{name}/{line}", String.self, Int.self, docs: "A test.") { request, name, line in
                    "\(request.method) \(name) \(line)"
                }
            }
        }
        let answer = await fixture.send(.get, "/a/x%2Fy/7?q")
        #expect(answer.text == "GET x/y 7")
        #expect(answer.headers["x-request-id"] == "r1")
        let head = await fixture.send(.head, "/a/x/7")
        #expect(head.status == .ok)
        #expect(await fixture.send(.get, "/a/x/seven").status == .notFound)
    }

    @Test("errors are rendered by the surface, with their headers, and are logged when a person should know")
    func errors() async throws {
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/e"], surface: .native) { routes in
                routes.get("/e/known", docs: "A test.") { _ -> String in throw Busy() }
                routes.get("/e/defect", docs: "A test.") { _ -> String in throw Defect() }
                routes.get("/e/gone", docs: "A test.") { _ -> String in throw CancellationError() }
                routes.get("/e/bad", docs: "A test.") { _ -> String in
                    throw HTTPError(.badGateway, "p.bad", "Bad.", cause: Defect())
                }
            }
        }
        let known = await fixture.send(.get, "/e/known")
        #expect(known.status == .tooManyRequests)
        #expect(known.headers["Retry-After"] == "7")
        #expect(known.json?["code"] == "p.busy")
        #expect(known.json?["request_id"] == "r1")
        #expect(fixture.logs.lines(from: .warning).isEmpty)

        let defect = await fixture.send(.get, "/e/defect")
        #expect(defect.status == .internalServerError)
        #expect(defect.json?["code"] == "internal")
        #expect(!defect.text.contains("Defect"))
        let line = try #require(fixture.logs.lines(from: .error).first)
        #expect(line["request.id"] == "r1")
        #expect(line["error"]?.contains("Defect") == true)
        #expect(line["route"] == "/e/defect")

        #expect(await fixture.send(.get, "/e/gone").status == 499)
        #expect(fixture.logs.lines(from: .warning).count == 1)
        _ = await fixture.send(.get, "/e/bad")
        #expect(fixture.logs.lines(from: .warning).map(\.level) == [.error, .warning])
    }

    @Test("404, 405 and the server's refusals speak the dialect of the path")
    func refusals() async throws {
        let dialect = Surface(name: "d") { error, _ in
            .json(["d": .string(error.message)], status: error.status == .unprocessableContent ? .badRequest : 200)
        }
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/d"], surface: dialect) { routes in
                routes.post("/d/x", docs: "A test.") { _ in "x" }
                routes.group("/d/native", surface: .native) { routes in
                    routes.post("", docs: "A test.") { _ in "x" }
                }
            }
        }
        let missing = await fixture.send(.get, "/d/nothing")
        #expect(missing.json == ["d": "Not Found"])
        // A dialect that sets no error status gets the error's; one that does keeps its own.
        #expect(missing.status == .notFound)
        let method = await fixture.send(.get, "/d/x")
        #expect(method.status == .methodNotAllowed)
        #expect(method.headers["Allow"] == "POST, OPTIONS")
        #expect(method.json == ["d": "Method Not Allowed"])
        #expect(await fixture.send(.get, "/other").json?["detail"] == "Not Found")

        let large = fixture.router.refusal(.bodyTooLarge(limit: 5), for: fixture.request(.post, "/d/x"))
        #expect(large.status == .contentTooLarge)
        #expect(await TestResponse(large).json == ["d": "The body is larger than 5 bytes."])
        let native = fixture.router.refusal(.bodyTooLarge(limit: 5), for: fixture.request(.post, "/d/native"))
        #expect(await TestResponse(native).json?["code"] == "http.body_too_large")
        let invalid = fixture.router.refusal(.invalid([(["body"], "no")]), for: fixture.request(.post, "/d"))
        #expect(invalid.status == .badRequest)
    }

    @Test("an unknown method is counted under one label")
    func metricLabels() async throws {
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/a"], surface: .native) { routes in
                routes.get("/a/{id}", String.self, docs: "A test.") { _, id in Status(id == "x" ? 200 : 418) }
            }
        }
        for path in ["/a/x", "/a/x", "/a/y"] { await fixture.send(.get, path) }
        await fixture.send(.head, "/a/x")
        await fixture.send(HTTPMethod(rawValue: "BREW"), "/a/x")
        await fixture.send(.get, "/secret/path")
        let name = "comfyd_http_requests_total"
        #expect(fixture.metric("\(name){plugin=\"p\",route=\"/a/{id}\",method=\"GET\",status=\"200\"}") == "2")
        #expect(fixture.metric("\(name){plugin=\"p\",route=\"/a/{id}\",method=\"GET\",status=\"418\"}") == "1")
        #expect(fixture.metric("\(name){plugin=\"p\",route=\"/a/{id}\",method=\"HEAD\",status=\"200\"}") == "1")
        #expect(fixture.metric("\(name){plugin=\"host\",route=\"(none)\",method=\"other\",status=\"405\"}") == "1")
        #expect(fixture.metric("\(name){plugin=\"host\",route=\"(none)\",method=\"GET\",status=\"404\"}") == "1")
        #expect(
            fixture.metric("comfyd_http_request_duration_seconds_count{plugin=\"p\",route=\"/a/{id}\"}") == "4")
        #expect(!fixture.metrics.text().contains("secret"))
    }

    @Test("each request has a log line, at info when the operator wants it")
    func logLines() async throws {
        var options = RouterOptions()
        options.logsRequests = true
        let fixture = try RouterFixture(options: options)
        await fixture.send(.get, "/nothing")
        let line = try #require(fixture.logs.lines.first { $0.message == "answered a request" })
        #expect(line.level == .info)
        #expect(line["route"] == "(none)")
        #expect(line["status"] == "404")
        #expect(line["duration.ms"] == "0.000")
    }

    @Test("middleware runs outermost first, may answer by itself and sees errors")
    func middleware() async throws {
        let trace = Trace()
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/m"], surface: .native) { routes in
                routes.group("/m", middleware: [Tracing(trace: trace, name: "outer")]) { routes in
                    routes.group("/inner", middleware: [Tracing(trace: trace, name: "inner")]) { routes in
                        routes.get("", docs: "A test.") { _ -> String in throw Busy() }
                        routes.get("/stop", docs: "A test.") { _ in "never" }
                    }
                    routes.webSocket("/ws", docs: "A test.") { _, _ in }
                }
            }
        }
        #expect(await fixture.send(.get, "/m/inner").status == .tooManyRequests)
        #expect(trace.names == ["outer", "inner", "inner threw", "outer threw"])
        #expect(await fixture.send(.get, "/m/inner/stop", ["X-Stop": "inner"]).text == "stopped by inner")
        #expect(
            await fixture.send(.get, "/m/ws", ["Upgrade": "websocket", "X-Stop": "outer"]).text == "stopped by outer")
        #expect(await fixture.send(.get, "/m/ws", ["Upgrade": "h2c, WebSocket"]).status == 101)
    }

    @Test("a WebSocket route refuses plain requests, and its failure closes the socket")
    func webSockets() async throws {
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/ws"], surface: .native) { routes in
                routes.webSocket("/ws/{id}", String.self, docs: "A test.") { _, socket, id in
                    try await socket.send(.text(id))
                    throw Busy()
                }
            }
        }
        let plain = await fixture.send(.get, "/ws/1")
        #expect(plain.status == 426)
        #expect(plain.headers["Upgrade"] == "websocket")
        let request = fixture.request(.get, "/ws/a", ["Upgrade": "websocket"])
        guard case .upgrade(let acceptance, let run) = await fixture.router.respond(to: request) else {
            Issue.record("no upgrade")
            return
        }
        #expect(acceptance.headers["X-Request-Id"] == "r1")
        let (server, client) = MemoryWebSocket.pair()
        #expect(fixture.router.inFlight(plugin: "p") == 1)
        await run(server)
        #expect(try await client.receive() == .text("a"))
        #expect(try await client.receive() == nil)
        #expect(client.closeCode == 1011)
        #expect(fixture.logs.lines(from: .warning).count == 1)
    }

    final class Trace: Sendable {
        private let kept = Mutex<[String]>([])
        var names: [String] { kept.withLock { $0 } }
        func add(_ name: String) { kept.withLock { $0.append(name) } }
    }

    struct Tracing: Middleware {
        let trace: Trace
        let name: String

        func handle(_ request: Request, next: @Sendable (Request) async throws -> Response) async throws -> Response {
            trace.add(name)
            if request.headers["X-Stop"] == name { return .text("stopped by \(name)") }
            do {
                return try await next(request)
            } catch {
                trace.add("\(name) threw")
                throw error
            }
        }
    }
}
