extension ManualClock {
    /// Moves the clock step by step until something is so; gives up after so much of its time.
    ///
    /// A busy machine may not have done yet what the clock allows: then it is waited for, for some seconds of ours.
    ///
    /// - Returns: how far the clock was moved, and whether it is so.
    package func drive(
        atMost limit: Duration, step: Duration = .milliseconds(250), until condition: @Sendable () async throws -> Bool
    ) async throws -> (moved: Duration, isSo: Bool) {
        var moved = Duration.zero
        while moved < limit {
            if try await condition() { return (moved, true) }
            try await take(step)
            moved += step
        }
        for _ in 0..<500 {
            if try await condition() { return (moved, true) }
            try await Task.sleep(for: .milliseconds(20))
        }
        return (moved, false)
    }

    /// Moves the clock in quarters of a second, so that what is due meanwhile is done: for what must not happen.
    package func drive(for duration: Duration) async throws {
        let step = Duration.milliseconds(250)
        var moved = Duration.zero
        while moved < duration {
            try await take(step)
            moved += step
        }
    }

    private func take(_ step: Duration) async throws {
        advance(by: step)
        // What sleeps no more needs a moment to act.
        try await Task.sleep(for: .milliseconds(3))
    }
}
