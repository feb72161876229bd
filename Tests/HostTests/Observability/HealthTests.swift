import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("Health")
struct HealthTests {
    static func check(
        _ name: String, affects scope: HealthScope = .readiness, _ body: @escaping @Sendable () async -> HealthStatus
    ) -> HealthDeclaration {
        var setup = PluginSetup(plugin: "any")
        setup.health(name, affects: scope, body)
        return setup.healthChecks[0]
    }

    static func report(_ plugins: PluginHealth...) async -> HealthReport {
        await HealthMonitor(clock: ManualClock()) { plugins }.report()
    }

    @Test("a plugin names all of its jobs that fail")
    func failures() {
        let state = PluginBoard.State.running
        #expect(state.health(failures: [:]) == .healthy)
        #expect(
            state.health(failures: ["heartbeats": "no room", "expiry": "no room"])
                == .degraded("expiry: no room; heartbeats: no room"))
    }

    @Test("all well is ok, a worry is degraded, a failure is not ready, each with its reason")
    func statuses() async {
        let well = await Self.report(PluginHealth(plugin: "a", checks: [Self.check("c") { .healthy }]))
        #expect(well.isReady)
        #expect(
            well.json == [
                "status": "ok",
                "plugins": [
                    "a": ["status": "healthy", "checks": ["c": ["status": "healthy", "affects": "readiness"]]]
                ],
            ])
        let worried = await Self.report(PluginHealth(plugin: "a", state: .degraded("service x keeps failing")))
        #expect(worried.isReady)
        #expect(worried.json["status"] == "degraded")
        #expect(worried.json["plugins"]?["a"]?["reason"] == "service x keeps failing")
        let failing = await Self.report(
            PluginHealth(plugin: "a", checks: [Self.check("c") { .failing("no worker") }]), PluginHealth(plugin: "b"))
        #expect(!failing.isReady)
        #expect(failing.json["status"] == "failing")
        #expect(failing.json["plugins"]?["a"]?["checks"]?["c"]?["reason"] == "no worker")
        let informed = await Self.report(
            PluginHealth(plugin: "a", checks: [Self.check("c", affects: .information) { .failing("x") }]))
        #expect(informed.isReady)
        #expect(informed.json["status"] == "degraded")
        #expect(!(await Self.report(PluginHealth(plugin: "a", state: .failing("start failed"))).isReady))
    }

    @Test("checks run side by side")
    func sideBySide() async {
        let latches = [Latch(), Latch()]
        let checks = [0, 1].map { number in
            Self.check("c\(number)") {
                latches[number].open()
                await latches[1 - number].arrive()
                return .healthy
            }
        }
        #expect(await Self.report(PluginHealth(plugin: "a", checks: checks)).isReady)
    }

    @Test("a check that hangs is cut off and not started again")
    func timeouts() async {
        let clock = ManualClock()
        let latch = Latch()
        let calls = Calls()
        let checks = [
            Self.check("hangs") {
                calls.add()
                await latch.arrive()
                return .healthy
            }
        ]
        let monitor = HealthMonitor(clock: clock) { [PluginHealth(plugin: "a", checks: checks)] }
        async let first = monitor.report()
        await latch.waitForArrival()
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(2))
        let report = await first
        #expect(report.plugins[0].checks[0].status == .failing("the check took longer than 2s"))

        clock.advance(by: .seconds(2))
        let second = await monitor.report()
        #expect(second.plugins[0].checks[0].status == .failing("the check has not returned"))
        #expect(calls.count == 1)
        latch.open()
    }

    @Test("probes share a run and its result for a second; the phase counts at once")
    func caching() async {
        let clock = ManualClock()
        let calls = Calls()
        let monitor = HealthMonitor(clock: clock) {
            [
                PluginHealth(
                    plugin: "a",
                    checks: [
                        Self.check("c") {
                            calls.add()
                            return .healthy
                        }
                    ])
            ]
        }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await monitor.report().isReady } }
            for await isReady in group { #expect(isReady) }
        }
        #expect(calls.count == 1)
        clock.advance(by: .milliseconds(999))
        _ = await monitor.report()
        #expect(calls.count == 1)
        clock.advance(by: .milliseconds(1))
        _ = await monitor.report()
        #expect(calls.count == 2)
        monitor.phase = .stopping
        let report = await monitor.report()
        #expect(!report.isReady)
        #expect(report.json["reason"] == "stopping")
        #expect(calls.count == 2)
    }

    final class Calls: Sendable {
        private let number = Mutex(0)
        var count: Int { number.withLock { $0 } }
        func add() { number.withLock { $0 += 1 } }
    }
}
