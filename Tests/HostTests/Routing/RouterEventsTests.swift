import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("Streams of events in the router")
struct RouterEventsTests {
    /// Routes whose streams write one piece and wait until they are cancelled.
    private static func fixture(_ started: Latch, held: Latch = Latch()) throws -> RouterFixture {
        try RouterFixture { setup in
            setup.routes.group("", access: .open) { routes in
                routes.get("/events", docs: "A test.") { _ in
                    Response.events { writer in
                        try await writer.send(ServerSentEvent("1"))
                        await started.arrive()
                        try await Task.sleep(for: .seconds(600))
                    }
                }
                routes.get("/held", docs: "A test.") { _ in
                    Response.events { writer in
                        await held.arrive()
                        try Task.checkCancellation()
                        try await writer.send(ServerSentEvent("2"))
                    }
                }
                routes.get("/file", docs: "A test.") { _ in
                    Response(
                        body: .stream(length: nil) { writer in
                            try await writer.write(Array("part".utf8))
                            await started.arrive()
                            try await Task.sleep(for: .seconds(600))
                        })
                }
            }
        }
    }

    @Test("events are ended whole, by plugin or all", arguments: ["p", nil])
    func ending(plugin: String?) async throws {
        let started = Latch()
        let fixture = try Self.fixture(started)
        started.open()
        let answer = Task { await fixture.send(.get, "/api/p/events") }
        await started.waitForArrival()
        fixture.router.endEvents(plugin: plugin)
        let ended = await answer.value
        #expect(ended.bodyError == nil)
        #expect(ended.text == "data: 1\n\n")
        #expect(fixture.router.inFlight(plugin: "p") == 0)
    }

    @Test("a stream that begins after the end is ended too, until the door opens again")
    func late() async throws {
        let (started, held) = (Latch(), Latch())
        let fixture = try Self.fixture(started, held: held)
        started.open()
        fixture.router.endEvents()
        #expect(await fixture.send(.get, "/api/p/events").bodyError == nil)
        fixture.router.setDraining(true, plugin: "p")
        fixture.router.setDraining(false, plugin: "p")
        let answer = Task { await fixture.send(.get, "/api/p/held") }
        await held.waitForArrival()
        held.open()
        #expect(await answer.value.text == "data: 2\n\n")
    }

    @Test("a stream that should arrive whole is left alone, and broken off when it is its turn")
    func others() async throws {
        let started = Latch()
        let fixture = try Self.fixture(started)
        started.open()
        let answer = Task { await fixture.send(.get, "/api/p/file") }
        await started.waitForArrival()
        fixture.router.endEvents()
        #expect(fixture.router.inFlight(plugin: "p") == 1)
        fixture.router.breakStreams(plugin: "p")
        #expect(await answer.value.bodyError is CancellationError)
    }

    @Test("a silent stream has a comment at each interval, and ends with its writer")
    func keepAlive() async throws {
        let clock = ManualClock()
        let response = Response.events(keepAlive: .seconds(15), clock: clock) { writer in
            try await writer.send(ServerSentEvent("1"))
            try await clock.sleep(for: .seconds(35))
            try await writer.send(ServerSentEvent("2"))
        }
        #expect(response.headers["X-Accel-Buffering"] == "no")
        let answer = Task { await TestResponse(response) }
        for _ in 0..<3 {
            await clock.waitForSleepers(2)
            clock.advance(by: .seconds(15))
        }
        let text = await answer.value.text
        #expect(text.hasPrefix("data: 1\n\n"))
        #expect(text.split(separator: "\n").count { $0 == ": " } >= 2)
        #expect(text.contains("data: 2\n\n"))
        #expect(clock.sleepers == 0)
    }

    @Test("what the writer throws ends a stream with comments")
    func failure() async throws {
        let response = Response.events(keepAlive: .seconds(15), clock: ManualClock()) { _ in
            throw HTTPError.notFound
        }
        #expect(await TestResponse(response).bodyError is HTTPError)
    }
}
