import PluginAPI
import Testing

@testable import Gateway

@Suite("Parts of the tasks' answers")
struct TaskPartsTests {
    @Test(
        "moments are read as RFC 3339 has them, and back",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2023-11-14T22:13:20.000Z", 1_700_000_000_000),
            ("2023-11-14T22:13:20.1Z", 1_700_000_000_100), ("2023-11-14T22:13:20.123999Z", 1_700_000_000_123),
            ("2023-11-15T00:13:20+02:00", 1_700_000_000_000), ("2023-11-15T00:13:20 02:00", 1_700_000_000_000),
            ("2023-11-14 17:13:20-0500", 1_700_000_000_000), ("2023-11-14T22:13", 1_699_999_980_000),
            ("2024-02-29", 1_709_164_800_000), ("1969-12-31T23:59:59.999Z", -1),
        ])
    func moments(text: String, milliseconds: Int64) throws {
        #expect(Timestamp(iso8601: text)?.milliseconds == milliseconds)
        let moment = Timestamp(milliseconds: milliseconds)
        #expect(Timestamp(iso8601: moment.iso8601) == moment)
    }

    @Test(
        "anything else is no moment",
        arguments: [
            "", "x", "2023", "2023-13-01", "2023-02-29", "2023-01-32", "0000-01-01", "2023-01-01T24:00Z",
            "2023-01-01T10", "2023-01-01T10:00:00.Z", "2023-01-01T10:00:00+2", "2023-01-01T10:00Zx", "+023-01-01",
            "２０２３-01-01", "2023-01-01T10:00:00.00000000000000000000000000000000000Z",
        ])
    func noMoments(text: String) {
        #expect(Timestamp(iso8601: text) == nil)
    }

    @Test("what a job waits for follows from the workers")
    func outlook() {
        func words(_ slots: [Balancer.Slot], position: Int? = 1) -> String {
            WorkerOutlook(slots, maximumInFlight: 2).words(position: position)
        }
        func slot(_ usability: Balancer.Usability, _ ours: Int = 0) -> Balancer.Slot {
            Balancer.Slot(ours: ours, usability: usability)
        }
        #expect(words([]) == "no worker is registered")
        #expect(words([slot(.removed)]) == "no worker is registered")
        #expect(words([slot(.disabled)]) == "no worker is enabled")
        #expect(words([slot(.unhealthy), slot(.disabled)]) == "no worker answers")
        #expect(
            words([slot(.unhealthy), slot(.broken), slot(.stalled)])
                == "no worker can be used: 1 silent, 1 standing still, 1 out because of failures")
        #expect(
            words([slot(.healthy, 3), slot(.healthy, 2), slot(.unhealthy)])
                == "all 2 usable workers have 2 or more jobs ahead")
        #expect(words([slot(.halfOpen, 1)]) == "the only usable worker has 1 or more jobs ahead")
        #expect(words([slot(.healthy, 1)]) == "it is next")
        #expect(words([slot(.healthy)], position: 2) == "one job is before it")
        #expect(words([slot(.healthy)], position: 9) == "8 jobs are before it")
    }

    @Test("a backend's jobs have position and priority")
    func backend() async throws {
        try await GatewayRig.run([]) { rig in
            for priority in 1...2 { _ = await rig.submit(["priority": .number(JSONNumber(priority))]) }
            let low = try #require(rig.engine.waiting.list().last?.promptID)
            let backend = GatewayBackend(engine: rig.engine)
            let job = try #require(try await backend.job(low))
            #expect(job.state == .queued && job.position == 2 && job.priority == 1)
            #expect(try await backend.cancel(low))
            #expect(try await backend.job(low)?.state == .cancelled)
            #expect(try await backend.owner(of: low) == nil)
        }
    }
}
