import ComfyUI
import PluginAPI
import Synchronization
import Testing

@Suite("Some at a time")
struct AtOnceTests {
    /// Counts who is inside.
    private final class Room: Sendable {
        private let state = Mutex((inside: 0, most: 0, all: 0))

        var most: Int { state.withLock { $0.most } }
        var all: Int { state.withLock { $0.all } }

        func stay() async {
            state.withLock { state in
                state.inside += 1
                state.all += 1
                state.most = max(state.most, state.inside)
            }
            for _ in 0..<20 { await Task.yield() }
            state.withLock { $0.inside -= 1 }
        }
    }

    @Test("results come in the order of the elements, and no more than the width are at work", arguments: [1, 3, 100])
    func order(width: Int) async {
        let room = Room()
        let squares = await (0..<20).concurrentMap(atOnce: width) { number in
            await room.stay()
            return number * number
        }
        #expect(squares == (0..<20).map { $0 * $0 })
        #expect(room.most <= width)
    }

    @Test("a stream is worked off some at a time, and its end waits for the last")
    func stream() async {
        let room = Room()
        let (stream, input) = AsyncStream.makeStream(of: Int.self)
        for number in 0..<20 { input.yield(number) }
        input.finish()
        await stream.forEach(atOnce: 4) { _ in await room.stay() }
        #expect(room.all == 20)
        #expect(room.most <= 4)
    }

    @Test("pauses grow from a quarter of a second to ten, and begin anew after a stream that lasted")
    func pauses() {
        var reconnecting = ReconnectPause()
        for expected in [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10] {
            let pause = reconnecting.next(afterStreamOf: .seconds(1))
            #expect(pause >= .seconds(expected * 0.8) && pause <= .seconds(expected * 1.2), "\(expected): \(pause)")
        }
        #expect(reconnecting.next(afterStreamOf: .seconds(31)) <= .seconds(0.3))
    }
}
