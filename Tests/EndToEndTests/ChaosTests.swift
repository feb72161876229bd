import Glibc
import PluginAPI
import PluginTestKit
import Testing

@Suite("everything fails at once")
struct ChaosTests {
    /// Runs with `COMFYD_TEST_SEED=N` repeat the choices of an earlier run; `COMFYD_TEST_CHAOS_JOBS=N` makes longer ones.
    @Test(
        "servers are killed and hang, answers are dropped, the daemon dies: each acknowledged job is done once, in order"
    )
    func chaos() async throws {
        let count = getenv("COMFYD_TEST_CHAOS_JOBS").flatMap { Int(String(cString: $0)) } ?? 300
        let plan = ChaosPlan(seed: SeededRandom.chosenSeed, jobs: count)
        try await withCluster(
            servers: 4, settings: "drop_prompt_answers: 0.05",
            gateway: """
                health_interval: 500ms
                queue_cache_ttl: 500ms
                worker_lost_after: 1s
                worker_stall_timeout: 2s
                breaker_pause: 1s
                max_attempts: 100
                """
        ) { cluster in
            let ledger = ChaosLedger()
            let monkey = ChaosMonkey(plan, cluster, ledger)
            async let killing: Void = monkey.tormentServers()
            async let dying: Void = monkey.killDaemon()
            _ = try await concurrently(plan.clients) { client in
                try await onThread {
                    var client = ChaosClient(client, cluster, ledger)
                    client.run()
                }
            }
            try await dying
            let entries = ledger.entries
            #expect(ledger.wrongAnswers.isEmpty, "seed \(plan.seed): \(ledger.wrongAnswers.prefix(3))")
            #expect(entries.count == count, "seed \(plan.seed)")
            let settled = try await Self.settle(entries, cluster, seed: plan.seed)
            monkey.stop()
            try await killing

            // What was told lasts: the checks are made on a daemon that has been killed once more.
            try await cluster.gateway.crash()
            try await cluster.restartGateway()
            try await eventually("all workers are healthy") {
                let workers = try await cluster.probe.get("/api/workers").json["workers"]?.arrayValue ?? []
                return workers.count == 4 && workers.allSatisfy { $0["healthy"] == true }
            }
            let check = ChaosCheck(cluster: cluster, seed: plan.seed, counts: ledger.counts)
            let stories = try await check.jobs(settled)
            try await check.totals(settled, stories)
        }
    }

    /// Waits until all jobs have ended; gives them with their prompt ids.
    private static func settle(
        _ entries: [ChaosLedger.Entry], _ cluster: Cluster, seed: UInt64
    ) async throws -> [ChaosLedger.Entry] {
        let limit = 30 + Double(entries.count) / 5
        return try await inLanes(entries) { entry in
            var entry = entry
            if let id = entry.gatewayJobID {
                let promptID = try await eventually(
                    "seed \(seed): job \(id) has a prompt_id\n\(cluster.gateway.tail)", within: limit
                ) { try await cluster.gatewayJob(id)["prompt_id"]?.stringValue }
                #expect(entry.promptID == nil || entry.promptID == promptID, "seed \(seed): another id")
                entry.promptID = promptID
            }
            let id = try #require(entry.promptID)
            try await eventually("seed \(seed): job \(id) ends\n\(cluster.gateway.tail)", within: limit) {
                ["done", "failed"].contains(try await cluster.status(id)["status"]?.stringValue)
            }
            return entry
        }
    }
}

/// Runs a body for each element, some at a time; the results have no order.
func inLanes<Element: Sendable, T: Sendable>(
    _ elements: [Element], lanes: Int = 6, _ body: @escaping @Sendable (Element) async throws -> T
) async throws -> [T] {
    try await concurrently(Array(0..<lanes)) { lane in
        var results: [T] = []
        for index in stride(from: lane, to: elements.count, by: lanes) {
            results.append(try await body(elements[index]))
        }
        return results
    }.flatMap { $0 }
}
