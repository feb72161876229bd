extension ManualClock {
    /// Moves the clock in quarters of a second until something is so; gives up after so much of its time.
    ///
    /// A busy machine may not have done yet what the clock allows: then it is waited for, for some seconds of ours.
    ///
    /// - Returns: how far the clock was moved, and whether it is so.
    package func drive(
        atMost limit: Duration, until condition: @Sendable () async throws -> Bool
    ) async throws -> (moved: Duration, isSo: Bool) {
        var moved = Duration.zero
        while moved < limit {
            if try await condition() { return (moved, true) }
            try await step()
            moved += Self.step
        }
        for _ in 0..<500 {
            if try await condition() { return (moved, true) }
            try await Task.sleep(for: .milliseconds(20))
        }
        return (moved, false)
    }

    /// Moves the clock in quarters of a second, so that what is due meanwhile is done: for what must not happen.
    package func drive(for duration: Duration) async throws {
        var moved = Duration.zero
        while moved < duration {
            try await step()
            moved += Self.step
        }
    }

    private static let step = Duration.milliseconds(250)

    private func step() async throws {
        advance(by: Self.step)
        // What sleeps no more needs a moment to act.
        try await Task.sleep(for: .milliseconds(3))
    }
}
