import ComfyUI
import PluginTestKit
import Testing

/// Calls that many want at the same time.
@Suite struct JoinedCallTests {
    @Test("who is cancelled waits no longer, and the call goes on for others")
    func cancelled() async throws {
        let call = JoinedCall<String>()
        let clock = ManualClock()
        let body: @Sendable () async throws -> String = {
            try await clock.sleep(for: .seconds(1))
            return "done"
        }
        let gone = Task { try await call.run(body) }
        await clock.waitForSleepers()
        gone.cancel()
        await #expect(throws: CancellationError.self) { try await gone.value }
        #expect(clock.sleepers == 1)
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await call.run(body)
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        clock.advance(by: .seconds(1))
    }

    @Test("each call after the last has ended is a new one, and what it throws is thrown")
    func anew() async throws {
        struct Failure: Error {}
        let call = JoinedCall<Int>()
        let one = try await call.run { 1 }
        await #expect(throws: Failure.self) { try await call.run { throw Failure() } }
        let two = try await call.run { 2 }
        #expect((one, two) == (1, 2))
    }
}
