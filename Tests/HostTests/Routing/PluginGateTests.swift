import Testing

@testable import Host

@Suite("The door of a plugin")
struct PluginGateTests {
    @Test("somebody who comes in while the last one goes out makes nobody wait for ever", .timeLimit(.minutes(1)))
    func comingInMeanwhile() async {
        let gate = PluginGate()
        let isIdle = MutexBox(false)
        #expect(gate.enter())
        let waiter = Task {
            await gate.waitUntilIdle()
            isIdle.put(true)
        }
        #expect(await eventually { gate.isAwaited })
        // What ``PluginGate/leave()`` does, with another request in between.
        #expect(gate.countOut())
        #expect(gate.enter())
        gate.wake()
        #expect(!isIdle.current)
        gate.leave()
        #expect(await eventually(within: 2) { isIdle.current })
        waiter.cancel()
    }
}
