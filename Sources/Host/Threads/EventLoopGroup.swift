import Glibc
import Synchronization

/// The daemon's loops, one per core.
package final class EventLoopGroup: Sendable {
    /// The loops.
    package let loops: [EventLoop]

    private let turn = Atomic<Int>(0)
    private let threads: [WorkerThread]

    /// Starts the loops' threads.
    package init(count: Int = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))) {
        let loops = (0..<max(1, count)).map(EventLoop.init(index:))
        self.loops = loops
        threads = loops.map { loop in WorkerThread(name: "loop-\(loop.index)") { loop.run() } }
    }

    /// A loop, each in turn.
    package func next() -> EventLoop {
        loops[Int(UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(loops.count))]
    }

    /// The caller's loop if it is on one, otherwise ``next()``.
    package func preferred() -> EventLoop {
        EventLoop.current ?? next()
    }

    /// Stops the loops and waits for their threads; not from a loop.
    package func shutDown() {
        for loop in loops { loop.stop() }
        for thread in threads { thread.join() }
    }
}
