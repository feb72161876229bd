import Gateway
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("Reading many queues")
struct QueueReaderTests {
    /// Workers of which each has one prompt; those that a test silences never answer.
    private final class Crowd: Sendable {
        struct State {
            var isSilent = false
            /// The worker that refuses connections.
            var refusing = ""
            /// Readings for a caller by worker; probes have another deadline.
            var asked: [String: Int] = [:]
            var active = 0
            var mostActive = 0
        }

        let state = Mutex(State())

        func answer(_ request: ClientRequest) async throws -> ClientResponse {
            guard request.url.hasSuffix("/queue") else { throw StubHTTPClient.refused(request) }
            let worker = String(request.url.dropLast("/queue".count))
            if request.timeout == .seconds(2) {
                let isSilent = state.withLock { state in
                    state.asked[worker, default: 0] += 1
                    state.active += 1
                    state.mostActive = max(state.mostActive, state.active)
                    return state.isSilent
                }
                defer { state.withLock { $0.active -= 1 } }
                if isSilent { try await Task.sleep(for: .seconds(3600)) } else { await Task.yield() }
            }
            if state.withLock({ $0.refusing }) == worker { throw StubHTTPClient.refused(request) }
            let item: JSON = [0, .string("p-\(worker)"), [:], [:], []]
            return .json(["queue_running": [], "queue_pending": [item]])
        }
    }

    /// A gateway whose workers were all probed once; the clock stands still.
    private func host(_ count: Int, _ crowd: Crowd) async throws -> TestHost<GatewayPlugin> {
        let workers = (0..<count).map { JSON.object(["url": .string("http://w\($0):1")]) }
        let host = try TestHost<GatewayPlugin>(
            configuration: ["workers": .array(workers), "queue_cache_ttl": 3600, "health_interval": 3600],
            client: StubHTTPClient { try await crowd.answer($0) })
        try await host.start()
        try await eventually("all were probed") {
            let list = await host.send(.get, "/api/workers").json?["workers"]?.arrayValue ?? []
            return list.allSatisfy { $0["queue_pending"] == 1 }
        }
        return host
    }

    @Test("a thousand workers are asked once each, some at a time")
    func thousand() async throws {
        let crowd = Crowd()
        let host = try await host(1000, crowd)
        let answer = await host.send(.get, "/api/queue").json
        #expect(answer?["workers"]?.arrayValue?.count == 1000)
        #expect(answer?["total_pending"] == 1000)
        #expect(answer?["gateway_queue"]?.arrayValue?.count == 1000)
        let (asked, most) = crowd.state.withLock { ($0.asked, $0.mostActive) }
        #expect(asked.count == 1000 && asked.values.allSatisfy { $0 == 1 })
        #expect((1...64).contains(most))
        await host.stop()
    }

    @Test("silent workers cost two seconds, however many they are; their last counts are shown and they are not judged")
    func silent() async throws {
        let crowd = Crowd()
        let host = try await host(300, crowd)
        crowd.state.withLock { $0.isSilent = true }
        let began = host.clock.now
        let asking = Task { await host.send(.get, "/api/queue").json }
        try await eventually("64 are asked") { crowd.state.withLock { $0.active } == 64 }
        let answer = try await host.clock.passing(.seconds(2)) { await asking.value }
        #expect(began.duration(to: host.clock.now) <= .seconds(20))
        #expect(crowd.state.withLock { $0.asked.count } == 64)
        #expect(answer?["total_pending"] == 300)
        #expect(answer?["gateway_queue"] == [])
        #expect(answer?["workers"]?.arrayValue?.allSatisfy { $0["healthy"] == true } == true)
        await host.stop()
    }

    @Test("workers that are disabled or did not answer last time are not asked")
    func outOfUse() async throws {
        let crowd = Crowd()
        let host = try await host(3, crowd)
        let list = await host.send(.get, "/api/workers").json?["workers"]
        let ids = (0..<3).map { list?[$0]?["worker_id"]?.stringValue ?? "" }
        _ = await host.send(.patch, "/api/workers/\(ids[0])", json: ["enabled": false])
        crowd.state.withLock { $0.refusing = "http://w1:1" }
        _ = await host.send(.post, "/api/workers/\(ids[1])/health")
        let answer = await host.send(.get, "/api/queue").json
        #expect(crowd.state.withLock { Array($0.asked.keys) } == ["http://w2:1"])
        #expect(answer?["total_pending"] == 3)
        await host.stop()
    }
}

extension ManualClock {
    /// Moves on step by step until a body is over.
    func passing<T: Sendable>(_ step: Duration, until body: @escaping @Sendable () async -> T) async throws -> T {
        let result = Mutex<T?>(nil)
        let task = Task {
            let value = await body()
            result.withLock { $0 = value }
        }
        defer { task.cancel() }
        try await eventually("it is over") {
            if result.withLock({ $0 == nil }) { self.advance(by: step) }
            return result.withLock { $0 != nil }
        }
        return try #require(result.withLock { $0 })
    }
}
