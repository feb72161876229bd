import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("Switching plugins while requests run")
struct RouterSwitchingTests {
    static func declare(_ version: String, _ extra: [String] = []) -> (inout PluginSetup) -> Void {
        { setup in
            setup.rootRoutes(claiming: ["/s"], surface: .native, access: .open) { routes in
                routes.get("/s/version", docs: "A test.") { _ in version }
                for path in extra { routes.get(path, docs: "A test.") { _ in version } }
            }
        }
    }

    @Test("a table replaced under load never gives half an answer")
    func replacing() async throws {
        let fixture = try RouterFixture(Self.declare("0"))
        let tables = try (0..<20).map { try RouterFixture.table(Self.declare(String($0), ["/s/extra\($0)"])) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<500 {
                        let answer = await fixture.send(.get, "/s/version")
                        #expect(answer.status == .ok)
                        #expect((0..<20).contains(Int(answer.text) ?? -1))
                    }
                }
            }
            group.addTask {
                for round in 0..<200 {
                    fixture.router.replace(tables[round % tables.count])
                    await Task.yield()
                }
            }
        }
        fixture.router.replace(tables[7])
        #expect(await fixture.send(.get, "/s/version").text == "7")
        #expect(await fixture.send(.get, "/s/extra7").status == .ok)
        #expect(await fixture.send(.get, "/s/extra6").status == .notFound)
        await fixture.router.waitUntilIdle(plugin: "p")
    }

    @Test("a request keeps the table and handler it started with")
    func oldTable() async throws {
        let gate = Latch()
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/s"], surface: .native, access: .open) { routes in
                routes.get("/s/slow", docs: "A test.") { _ in
                    await gate.arrive()
                    return "old"
                }
            }
        }
        async let slow = fixture.send(.get, "/s/slow")
        await gate.waitForArrival()
        fixture.router.replace(try RouterFixture.table { _ in })
        #expect(await fixture.send(.get, "/s/slow").status == .notFound)
        #expect(fixture.router.inFlight(plugin: "p") == 1)
        gate.open()
        #expect(await slow.text == "old")
        #expect(fixture.router.inFlight(plugin: "p") == 0)
    }

    @Test("draining refuses new requests with a hint and waits for the old ones")
    func draining() async throws {
        let gate = Latch()
        let surface = Surface(name: "d") { error, _ in .json(["dialect": .string(error.code)], status: error.status) }
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/s"], surface: surface, access: .open) { routes in
                routes.get("/s/slow", docs: "A test.") { _ in
                    await gate.arrive()
                    return "done"
                }
            }
        }
        async let slow = fixture.send(.get, "/s/slow")
        await gate.waitForArrival()
        fixture.router.setDraining(true, plugin: "p")
        let refused = await fixture.send(.get, "/s/slow")
        #expect(refused.status == .serviceUnavailable)
        #expect(refused.headers["Retry-After"] == "5")
        #expect(refused.json == ["dialect": "plugin.draining"])

        let idleTrace = RouterTests.Trace()
        async let idle: Void = {
            await fixture.router.waitUntilIdle(plugin: "p")
            idleTrace.add("idle")
        }()
        for _ in 0..<100 { await Task.yield() }
        #expect(idleTrace.names.isEmpty)
        gate.open()
        #expect(await slow.text == "done")
        await idle
        fixture.router.setDraining(false, plugin: "p")
        #expect(await fixture.send(.get, "/s/slow").text == "done")
    }

    @Test("a streamed body counts as in flight until it is written or dropped")
    func streams() async throws {
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/s"], surface: .native, access: .open) { routes in
                routes.get("/s/stream", docs: "A test.") { _ in
                    Response(body: .stream(length: nil) { writer in try await writer.write(Array("x".utf8)) })
                }
            }
        }
        for method in [HTTPMethod.get, .head] {
            var reply: ServerReply? = await fixture.router.respond(to: fixture.request(method, "/s/stream"))
            #expect(fixture.router.inFlight(plugin: "p") == 1)
            if method == .get, case .response(let response) = reply {
                #expect(await TestResponse(response).text == "x")
            }
            reply = nil
            #expect(fixture.router.inFlight(plugin: "p") == 0)
        }
    }

    @Test("waiting for an idle plugin ends at once, and can be cancelled")
    func waiting() async throws {
        let gate = Latch()
        let fixture = try RouterFixture { setup in
            setup.rootRoutes(claiming: ["/s"], surface: .native, access: .open) { routes in
                routes.get("/s/slow", docs: "A test.") { _ in
                    await gate.arrive()
                    return "done"
                }
            }
        }
        await fixture.router.waitUntilIdle(plugin: "unknown")
        await fixture.router.waitUntilIdle(plugin: "p")
        async let slow = fixture.send(.get, "/s/slow")
        await gate.waitForArrival()
        let waiter = Task { await fixture.router.waitUntilIdle(plugin: "p") }
        waiter.cancel()
        await waiter.value
        #expect(fixture.router.inFlight(plugin: "p") == 1)
        gate.open()
        _ = await slow
    }

    @Test("many requests against a door that opens and closes are all counted out")
    func counting() async throws {
        let fixture = try RouterFixture(Self.declare("1"))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<300 {
                        let status = await fixture.send(.get, "/s/version").status
                        #expect(status == .ok || status == .serviceUnavailable)
                    }
                }
            }
            group.addTask {
                for round in 0..<100 {
                    fixture.router.setDraining(round.isMultiple(of: 2), plugin: "p")
                    if round.isMultiple(of: 10) { await fixture.router.waitUntilIdle(plugin: "p") }
                    await Task.yield()
                }
            }
        }
        #expect(fixture.router.inFlight(plugin: "p") == 0)
    }
}

/// Holds a handler until a test lets it go on.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var hasArrived = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func arrive() async {
        await withCheckedContinuation { continuation in
            let (isOpen, watchers) = state.withLock { state in
                state.hasArrived = true
                defer { state.watchers = [] }
                if !state.isOpen { state.waiters.append(continuation) }
                return (state.isOpen, state.watchers)
            }
            for watcher in watchers { watcher.resume() }
            if isOpen { continuation.resume() }
        }
    }

    func waitForArrival() async {
        await withCheckedContinuation { continuation in
            let hasArrived = state.withLock { state in
                if !state.hasArrived { state.watchers.append(continuation) }
                return state.hasArrived
            }
            if hasArrived { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
