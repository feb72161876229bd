import PluginAPI
import PluginTestKit
import Testing

/// Runs with `COMFYD_TEST_SEED=N` repeat the choices of an earlier run.
@Suite("agents, administrators and the daemon fail at once")
struct AgentChaosTests {
    @Test("the daemon is killed again and again: what it acknowledged of tasks, agents and alerts is there")
    func kills() async throws {
        try await AgentChaos.run { chaos in
            var random = SeededRandom(seed: chaos.seed ^ 0xDEAD)
            for _ in 0..<4 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 300..<2500, using: &random)))
                try await chaos.desk.crash()
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    @Test("agents and alerts are switched off and on under load: nothing hangs, and nothing acknowledged is lost")
    func switching() async throws {
        try await AgentChaos.run(isSwitched: true) { chaos in
            let daemon = chaos.desk.daemon
            var random = SeededRandom(seed: chaos.seed ^ 0x0FF)
            for number in 0..<8 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 100..<1000, using: &random)))
                // Both, either inside the other.
                let names = ["agents", "alerts"].shuffled(using: &random).prefix(number % 4 == 3 ? 2 : 1)
                for verb in ["disable", "enable"] {
                    for name in names {
                        let answer = try await daemon.admin.post("/api/admin/plugins/\(name)/\(verb)", [:])
                        #expect(answer.status == 200, "seed \(chaos.seed): \(verb) \(name): \(answer)")
                    }
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0..<400, using: &random)))
                }
            }
            #expect(chaos.desk.daemon.isRunning, "seed \(chaos.seed)")
        }
    }
}
