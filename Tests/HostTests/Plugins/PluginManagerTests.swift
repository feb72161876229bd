import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("switching plugins", .timeLimit(.minutes(1)))
struct PluginManagerTests {
    @Test("a plugin that is switched off loses its open WebSockets at once")
    func webSocket() async throws {
        let fixture = try PluginManagerFixture(timeout: .seconds(30))
        try await fixture.apply(enabled: true)
        let (ours, theirs) = MemoryWebSocket.pair()
        let open = Task {
            let upgrade: HTTPFields = ["Upgrade": "websocket", "Connection": "Upgrade"]
            guard case .upgrade(_, let run) = await fixture.respond("/api/scripted/socket", upgrade) else { return }
            await run(theirs)
        }
        while fixture.script.steps.isEmpty { await Task.yield() }
        let start = ContinuousClock.now
        try await fixture.apply(enabled: false)
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(ours.closeCode == 1001)
        await open.value
        #expect(fixture.script.steps.first == "opened")
        #expect(
            fixture.script.steps.firstIndex(of: "closed") ?? 9 < fixture.script.steps.firstIndex(of: "stopped") ?? 0)
    }

    @Test("an endless answer of a plugin that is switched off is broken off after the timeout")
    func endlessAnswer() async throws {
        let fixture = try PluginManagerFixture()
        try await fixture.apply(enabled: true)
        let reading = Task {
            guard case .response(let response) = await fixture.respond("/api/scripted/endless"),
                case .stream(_, let write) = response.body
            else { return }
            try await write(NoWriter())
        }
        while fixture.router.inFlight(plugin: "scripted") == 0 { await Task.yield() }
        try await fixture.apply(enabled: false)
        await #expect(throws: CancellationError.self) { try await reading.value }
        #expect(fixture.router.inFlight(plugin: "scripted") == 0)
    }

    @Test("a plugin that never ends by itself does not hold up the daemon")
    func stubborn() async throws {
        let fixture = try PluginManagerFixture()
        fixture.script.drain = { await ShutdownLatch().wait() }
        try await fixture.apply(enabled: true)
        let start = ContinuousClock.now
        await fixture.manager.stopAll()
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(fixture.script.steps.contains("stopped"))
        #expect(fixture.logs.lines.contains { $0.description.contains("does not end in time") })
    }

    @Test("a start that works while the plugin is being stopped leaves nothing running")
    func lateStart() async throws {
        let fixture = try PluginManagerFixture(timeout: .seconds(20))
        fixture.script.start = { throw RetriableStartError("not yet") }
        try await fixture.apply(enabled: true, onStartError: .retry)
        let begun = ShutdownLatch()
        let go = ShutdownLatch()
        fixture.script.start = {
            begun.begin()
            // Not cancelled by what waits for it.
            await Task.detached { await go.wait() }.value
        }
        await begun.wait()
        let off = Task { try await fixture.apply(enabled: false) }
        while fixture.manager.board.entries.first?.state != .stopping { await Task.yield() }
        go.begin()
        try await off.value
        #expect(fixture.manager.board.entries.isEmpty)
        #expect(fixture.script.steps == ["stopped"], "no service was started, and the plugin was stopped last")
    }

    @Test("after the end no plugin is started again")
    func over() async throws {
        let fixture = try PluginManagerFixture()
        try await fixture.apply(enabled: true)
        await fixture.manager.stopAll()
        await #expect(throws: PluginProblems.self) { try await fixture.apply(enabled: true) }
        #expect(fixture.manager.board.entries.isEmpty)
    }
}

/// Takes every byte.
private struct NoWriter: BodyWriter {
    func write(_ bytes: [UInt8]) async throws {}
}
