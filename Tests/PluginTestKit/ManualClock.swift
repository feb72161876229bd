package import PluginAPI
import Synchronization

/// A clock that stands still until a test moves it.
package final class ManualClock: TimeSource {
    private struct Sleeper {
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Instant(nanoseconds: 1_000_000_000)
        var wall: Timestamp
        /// The sleepers by ticket.
        var sleepers: [UInt: Sleeper] = [:]
        var ticket: UInt = 0
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

        /// Takes out the watchers whose wish is fulfilled.
        mutating func ready() -> [CheckedContinuation<Void, Never>] {
            let count = sleepers.count
            let ready = watchers.filter { $0.count <= count }.map(\.continuation)
            watchers.removeAll { $0.count <= count }
            return ready
        }
    }

    private let state: Mutex<State>

    /// Makes a clock; the wall clock starts at 2026-01-01T00:00:00Z unless told otherwise.
    package init(wallClock: Timestamp = Timestamp(milliseconds: 1_767_225_600_000)) {
        state = Mutex(State(wall: wallClock))
    }

    package var now: Instant { state.withLock { $0.now } }
    package var wallClock: Timestamp { state.withLock { $0.wall } }
    /// How many tasks sleep.
    package var sleepers: Int { state.withLock { $0.sleepers.count } }

    /// How long the one that wakes first has still to sleep; `nil` when nobody sleeps.
    package var untilNextWake: Duration? {
        state.withLock { state in state.sleepers.values.map(\.deadline).min().map { state.now.duration(to: $0) } }
    }

    package func sleep(for duration: Duration) async throws {
        let ticket = state.withLock { state in
            state.ticket += 1
            return state.ticket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in lieDown(ticket, duration, continuation) }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: ticket) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    private func lieDown(_ ticket: UInt, _ duration: Duration, _ continuation: CheckedContinuation<Void, any Error>) {
        typealias Step = (Result<Void, any Error>?, [CheckedContinuation<Void, Never>])
        let (result, watchers) = state.withLock { state -> Step in
            if Task.isCancelled { return (.failure(CancellationError()), []) }
            guard duration > .zero else { return (.success(()), []) }
            state.sleepers[ticket] = Sleeper(deadline: state.now.advanced(by: duration), continuation: continuation)
            return (nil, state.ready())
        }
        if let result { continuation.resume(with: result) }
        for watcher in watchers { watcher.resume() }
    }

    /// Moves both clocks and wakes whoever slept long enough, the earliest first.
    package func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            state.wall = Timestamp(milliseconds: state.wall.milliseconds + duration.inNanoseconds / 1_000_000)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for ticket in due.keys { state.sleepers[ticket] = nil }
            return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map(\.value.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Waits until at least so many tasks sleep, so that ``advance(by:)`` finds them.
    package func waitForSleepers(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let watchers = state.withLock { state in
                state.watchers.append((count, continuation))
                return state.ready()
            }
            for watcher in watchers { watcher.resume() }
        }
    }
}
