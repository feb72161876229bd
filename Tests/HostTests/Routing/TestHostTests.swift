import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("The plugin test kit")
struct TestHostTests {
    struct Ping: Event {
        static let name = "test.ping"
        var number: Int
    }

    struct Section: ConfigurationSection {
        var greeting: String
        var limit: Int

        init(_ config: inout ConfigReader) {
            greeting = config.value("greeting", default: "hello", "What it says.")
            limit = config.value("limit", default: 5, in: 1...10, "How often.")
        }
    }

    /// Uses a little of everything.
    struct Sample: Plugin {
        static let manifest = PluginManifest(name: "sample", version: "1", summary: "A test.")
        let configuration: Section
        let context: PluginContext
        let ticks: any Counter

        init(configuration: Section, context: PluginContext) throws {
            self.configuration = configuration
            self.context = context
            ticks = context.metrics.counter("ticks_total", "Ticks.", labels: [])
        }

        func configure(_ setup: inout PluginSetup) throws {
            setup.migrate([Migration("001-notes", "CREATE TABLE sample_notes (text TEXT)")])
            setup.routes.get("/greeting", docs: "Greets.") { request in
                "\(configuration.greeting) \(request.principal?.name ?? "")"
            }
            setup.routes.group("", access: .open) { routes in
                routes.post("/notes", docs: "Adds a note.") { request in
                    let text = try await request.json()["text"]?.stringValue ?? ""
                    _ = try await context.database.write { try $0.execute("INSERT INTO sample_notes VALUES (\(text))") }
                    context.events.publish(Ping(number: 1))
                    return Status.created
                }
                routes.get("/notes", docs: "Lists notes.") { _ in
                    let notes = try await context.database.read { connection in
                        try connection.all("SELECT text FROM sample_notes") { JSON.string(try $0.get("text")) }
                    }
                    return JSON.array(notes)
                }
                routes.get("/upstream", docs: "Asks a server.") { _ in
                    let answer = try await context.httpClient.send(ClientRequest(.get, "http://worker/x"))
                    return try JSON(parsing: try await answer.body.collect(upTo: 1000))
                }
                routes.webSocket("/echo", docs: "Echoes.") { _, socket in
                    while let message = try await socket.receive() { try await socket.send(message) }
                }
            }
            setup.subscribe(to: Ping.self) { event in
                let text = "ping \(event.number)"
                _ = try await context.database.write { try $0.execute("INSERT INTO sample_notes VALUES (\(text))") }
            }
            setup.schedule("tick", every: .seconds(10)) { ticks.increment() }
            setup.service("waiter") { shutdown in
                await shutdown.wait()
                context.logger.notice("waiter ended")
            }
            setup.health("notes") { .healthy }
        }

        func start() async throws { context.logger.notice("started") }
        func drain() async { context.logger.notice("drained") }
        func stop() async { context.logger.notice("stopped") }
    }

    @Test("a plugin runs with its configuration, database, tokens and client")
    func running() async throws {
        let host = try TestHost<Sample>(configuration: ["greeting": "hi"])
        try await host.start()
        #expect(await host.send(.get, "/api/sample/greeting").status == .unauthorized)
        #expect(await host.send(.get, "/api/sample/greeting", principal: .testAdmin).text == "hi Operator")
        #expect(await host.send(.post, "/api/sample/notes", json: ["text": "a"]).status == .created)
        #expect(host.events.events(Ping.self).map(\.number) == [1])
        try await host.deliver(Ping(number: 2))
        #expect(await host.send(.get, "/api/sample/notes").json == ["a", "ping 2"])
        #expect(await host.send(.get, "/api/sample/upstream").json?["code"] == "internal")
        host.client.answer { request in .json(["url": .string(request.url)]) }
        #expect(await host.send(.get, "/api/sample/upstream").json == ["url": "http://worker/x"])
        #expect(host.client.requests.count == 2)
        #expect(await host.health() == ["notes": .healthy])
        await host.stop()
    }

    @Test("the clock drives schedules, and the end is drain, services, stop")
    func lifecycle() async throws {
        let host = try TestHost<Sample>()
        try await host.start()
        for tick in 1...3 {
            await host.clock.waitForSleepers()
            host.clock.advance(by: .seconds(10))
            await host.clock.waitForSleepers()
            #expect(host.metric("comfyd_sample_ticks_total") == Double(tick))
        }
        await host.stop()
        let life = host.logs.lines(from: .notice).map(\.message).drop { $0 != "started" }
        #expect(life == ["started", "drained", "waiter ended", "stopped"])
    }

    @Test("a WebSocket reaches the handler and ends with the host")
    func sockets() async throws {
        let host = try TestHost<Sample>()
        try await host.start()
        let socket = try await host.connect("/api/sample/echo")
        try await socket.send(.text("one"))
        #expect(try await socket.receive() == .text("one"))
        await socket.close(code: 1000, reason: "")
        #expect(try await socket.receive() == nil)
        let refusal = await #expect(throws: TestUpgradeRefused.self) { try await host.connect("/api/sample/nothing") }
        #expect(refusal?.response.status == .notFound)
        let open = try await host.connect("/api/sample/echo")
        await host.kill()
        #expect(try await open.receive() == nil)
    }

    @Test("what is stored survives a restart in the same folder")
    func restart() async throws {
        let first = try TestHost<Sample>()
        try await first.start()
        _ = await first.send(.post, "/api/sample/notes", json: ["text": "kept"])
        await first.kill()
        let second = try TestHost<Sample>(directory: first.directory)
        try await second.start()
        #expect(await second.send(.get, "/api/sample/notes").json == ["kept"])
        await second.stop()
    }

    @Test("configuration problems are thrown with their messages")
    func configuration() {
        let error = #expect(throws: TestHostError.self) {
            try TestHost<Sample>(configuration: ["limit": 11, "greetin": "x", "enabled": true])
        }
        #expect(
            error?.description == """
                plugins.sample.limit: 11 is outside 1…10
                plugins.sample.greetin: unknown key; did you mean "greeting"?
                """)
    }
}
