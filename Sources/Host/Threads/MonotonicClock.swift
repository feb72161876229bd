import CLinux
import Glibc
package import PluginAPI

/// The machine's clocks.
package struct MonotonicClock: TimeSource {
    private let loops: EventLoopGroup?

    /// Makes a clock whose sleeps are timers of the caller's loop.
    package init(loops: EventLoopGroup? = nil) {
        self.loops = loops
    }

    /// Monotonic time.
    package static var now: Instant {
        Instant(nanoseconds: comfyd_clock_nanoseconds(CLOCK_MONOTONIC))
    }

    package var now: Instant { Self.now }

    package var wallClock: Timestamp {
        Timestamp(milliseconds: comfyd_clock_nanoseconds(CLOCK_REALTIME) / 1_000_000)
    }

    package func sleep(for duration: Duration) async throws {
        guard let loop = EventLoop.current ?? loops?.next() else {
            try await Task.sleep(for: duration)
            return
        }
        let sleeper = Sleeper(loop: loop)
        try await withTaskCancellationHandler {
            try await sleeper.wait(duration)
        } onCancel: {
            sleeper.cancel()
        }
    }
}
