import Glibc
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("the daemon dies at any moment")
struct CrashTests {
    /// Runs with `COMFYD_TEST_SEED=N` repeat the choices of an earlier run; `COMFYD_TEST_KILLS=N` makes longer ones.
    @Test("after six kills within 200 submits each acknowledged job ends exactly once")
    func kills() async throws {
        let seed = SeededRandom.chosenSeed
        let times = getenv("COMFYD_TEST_KILLS").flatMap { Int(String(cString: $0)) } ?? 6
        try await withCluster(servers: 2, gateway: "health_interval: 500ms\nqueue_cache_ttl: 500ms") { cluster in
            let total = 20 + 30 * times
            let ledger = Ledger()
            async let killing = Self.kill(cluster, times: times, seed: seed, ledger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<4 {
                    group.addTask {
                        var number = 0
                        while ledger.answered < total {
                            number += 1
                            let graph = Workflow.slow("c\(client)-\(number)", seconds: 0.02, steps: 2, color: number)
                            await Self.submit(graph, to: cluster, ledger)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await killing
            let result = ledger.entries
            #expect(result.refused.isEmpty, "seed \(seed): \(result.refused.prefix(3))")
            #expect(Set(result.acknowledged).count == result.acknowledged.count, "seed \(seed): an id was given twice")

            for id in result.acknowledged {
                let status = try await cluster.ended(id, within: 60)
                #expect(status["status"] == "done", "seed \(seed): \(id) \(status)")
            }
            try await Self.checkExecutions(cluster, result.acknowledged, seed)
        }
    }

    /// Kills at moments spread over the submits, and starts again.
    private static func kill(_ cluster: Cluster, times: Int, seed: UInt64, _ ledger: Ledger) async throws {
        var random = SeededRandom(seed: seed)
        for kill in 0..<times {
            let goal = 12 + kill * 30 + Int.random(in: 0..<18, using: &random)
            try await eventually("\(goal) submits\n\(cluster.gateway.tail)", within: 60) { ledger.answered >= goal }
            try await Task.sleep(for: .microseconds(Int.random(in: 0..<30_000, using: &random)))
            try await cluster.gateway.crash()
            if kill % 2 == 1 {
                // And once more while it starts.
                let starting = try DaemonProcess(nil, in: cluster.directory)
                try await Task.sleep(for: .microseconds(Int.random(in: 0..<150_000, using: &random)))
                try await starting.crash()
            }
            try await cluster.restartGateway()
        }
    }

    private static func submit(_ graph: JSON, to cluster: Cluster, _ ledger: Ledger) async {
        let answer: HTTPAnswer
        do {
            answer = try await cluster.probe.post("/api/prompt", ["prompt": graph])
        } catch {
            // Not acknowledged: the daemon may or may not have it.
            try? await Task.sleep(for: .milliseconds(5))
            return
        }
        ledger.note(answer)
    }

    /// Every acknowledged job ran on one server only, and no server took more prompts than it ended.
    private static func checkExecutions(_ cluster: Cluster, _ acknowledged: [String], _ seed: UInt64) async throws {
        var places: [String: Int] = [:]
        for server in cluster.servers {
            let history = try await eventually("\(server.name) is idle") {
                let remaining = try await server.probe.get("/prompt").json["exec_info"]?["queue_remaining"]?.intValue
                return remaining == 0 ? try await server.history() : nil
            }
            for id in history.keys { places[id, default: 0] += 1 }
            // A prompt that is sent twice to one server overwrites its own history entry, but the number goes on.
            let numbers = history.values.compactMap { $0["prompt"]?[0]?.intValue }
            #expect((numbers.max() ?? -1) + 1 == history.count, "seed \(seed): \(server.name) ran something twice")
        }
        for id in acknowledged {
            #expect(places[id] == 1, "seed \(seed): \(id) ran \(places[id] ?? 0) times")
        }
    }
}

/// What the clients were told.
private final class Ledger: Sendable {
    struct Entries {
        var acknowledged: [String] = []
        var refused: [String] = []
    }

    private let state = Mutex(Entries())

    var entries: Entries { state.withLock { $0 } }
    var answered: Int { state.withLock { $0.acknowledged.count + $0.refused.count } }

    func note(_ answer: HTTPAnswer) {
        let id = answer.status == 200 ? answer.json["prompt_id"]?.stringValue : nil
        state.withLock { state in
            if let id { state.acknowledged.append(id) } else { state.refused.append("\(answer)") }
        }
    }
}
