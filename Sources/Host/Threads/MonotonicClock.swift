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
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    package var now: Instant { Self.now }

    package var wallClock: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
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
