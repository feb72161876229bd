import ComfyUI
import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

@Suite("Watching workers")
struct MonitorTests {
    @Test("a change of the queue that a worker tells of is news until a reading began after it")
    func news() {
        var news = QueueNews()
        var wakes: [Bool] = []
        wakes.append(news.told(3))
        news.readingBegins()
        news.read(3)
        wakes.append(news.told(3))
        #expect(wakes == [false, false] && !news.areFresh)
        // Away and back at the old length, with other prompts: the first change wakes.
        wakes = [news.told(4), news.told(3)]
        #expect(wakes == [true, false] && news.areFresh)
        news.readingBegins()
        #expect(!news.areFresh)
        wakes = [news.told(2)]
        news.read(3)
        #expect(wakes == [true] && news.areFresh, "told while it was read")
        news.readingBegins()
        news.read(3)
        #expect(!news.areFresh)
        news.readingBegins()
        news.read(5)
        #expect(news.areFresh, "what was told last does not agree")
    }

    @Test(
        "a wait with a limit ends by a wake or at the limit, and a late alarm ends no other wait",
        .timeLimit(.minutes(1)))
    func limitedWait() async {
        let (clock, wakeup) = (ManualClock(), Wakeup())
        let ends = Tally()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<3 {
                    await wakeup.wait(atMost: .seconds(5), clock: clock)
                    ends.enter()
                }
            }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(5))
            while ends.now < 1 { await Task.yield() }
            await clock.waitForSleepers()
            wakeup.set()
            while ends.now < 2 { await Task.yield() }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(4.9))
            for _ in 0..<100 { await Task.yield() }
            #expect(ends.now == 2)
            clock.advance(by: .seconds(0.2))
            await group.waitForAll()
        }
        #expect(ends.now == 3)
        #expect(clock.sleepers == 0)
    }

    @Test("a turnstile lets as many through at a time as it has places")
    func places() async {
        let turnstile = Turnstile(places: 3)
        let inside = Tally()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await turnstile.pass {
                        inside.enter()
                        for _ in 0..<20 { await Task.yield() }
                        inside.leave()
                    }
                }
            }
        }
        #expect(inside.now == 0)
        #expect(inside.most == 3)
    }

    @Test("what a worker's old address said on its stream proves nothing about the new one")
    func otherAddress() {
        let pool = WorkerPool(WorkerRules())
        var worker = Worker(id: "a", url: "http://a:1", name: "", weight: 1, enabled: true)
        pool.put(worker)
        pool.setConnected("a", since: Instant(nanoseconds: 1))
        worker.weight = 2
        pool.put(worker)
        #expect(pool["a"]?.connectedSince != nil)
        worker.url = "http://b:1"
        pool.put(worker)
        #expect(pool["a"]?.connectedSince == nil)
    }

    @Test("an idle worker is read again when its stream tells of a longer queue, and rarely otherwise")
    func told() async throws {
        let (quiet, busy) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        let values: JSONObject = ["queue_cache_ttl": 0.25, "health_interval": "1h"]
        try await GatewayRig.run([quiet, busy], values) { rig in
            try await rig.connected()
            try await eventually("known") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            let readings: @Sendable (FakeComfy) -> Int = { worker in
                worker.with { $0.requests.count { $0.url.hasSuffix("/queue") } }
            }
            let before = readings(quiet)
            for round in 1...3 {
                busy.with {
                    $0.pending.append([.number(JSONNumber(round)), .string("foreign-\(round)"), [:], [:], []])
                }
                busy.emit("status", ["status": ["exec_info": ["queue_remaining": .number(JSONNumber(round))]]])
                try await eventually("read") { rig.engine.pool.members[1].load.foreign == round }
            }
            #expect(readings(quiet) <= before + 1)
        }
    }

    @Test("an idle worker that dies without a word is found by the health interval")
    func health() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["queue_cache_ttl": 0.25, "health_interval": "500ms"]) { rig in
            try await rig.connected()
            try await eventually("known") { rig.engine.pool.members[0].health == .healthy }
            worker.with { $0.isDown = true }
            try await eventually("found") { !rig.engine.pool.members[0].health.isHealthy }
        }
    }

    @Test("a worker that does not answer is asked every few seconds, however long readings are kept")
    func back() async throws {
        let worker = FakeComfy("http://a:1")
        let clock = ManualClock()
        let values: JSONObject = ["queue_cache_ttl": "1h", "health_interval": "1h"]
        try await GatewayRig.run([worker], values, clock: clock) { rig in
            try await rig.connected()
            try await GatewayRig.drive(clock, "known") { rig.engine.pool.members[0].health == .healthy }
            worker.with { $0.isDown = true }
            worker.restartEmpty()
            try await GatewayRig.drive(clock, "found") { !rig.engine.pool.members[0].health.isHealthy }
            worker.with { $0.isDown = false }
            try await GatewayRig.drive(clock, atMost: .seconds(12), "back") {
                rig.engine.pool.members[0].health == .healthy
            }
        }
    }

    @Test("workers of the configuration are registered in its order, each once, and a deleted one gets its id back")
    func listed() async throws {
        let database = try SQLiteDatabase.open(path: ":memory:")
        let urls = ["http://a:1", "http://b:1", "HTTP://A:1/", "http://c:1"]
        let values: JSONObject = ["workers": .array(urls.map { ["url": .string($0)] })]
        let first = try await GatewayRig.run([], database: database, values) { rig in
            let workers = rig.engine.pool.members.map(\.worker)
            try await rig.engine.registry.remove(workers[1].id)
            return workers
        }
        #expect(first.map(\.url) == ["http://a:1", "http://b:1", "http://c:1"])
        let second = try await GatewayRig.run([], database: database, values) { rig in
            rig.engine.pool.members.map(\.worker)
        }
        #expect(second.map(\.id) == first.map(\.id))
        await database.close()
    }
}

/// Counts, and remembers the most.
private final class Tally: Sendable {
    private let counts = Mutex((now: 0, most: 0))

    var now: Int { counts.withLock { $0.now } }
    var most: Int { counts.withLock { $0.most } }
    func enter() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func leave() { counts.withLock { $0.now -= 1 } }
}
