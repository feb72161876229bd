import Synchronization

/// The jobs that wait for a worker, first come, first served.
final class WaitingJobs: Sendable {
    private struct State {
        var ids: [String] = []
        var head = 0
    }

    private let state = Mutex(State())

    /// Adds a job at the end.
    func append(_ promptID: String) {
        state.withLock { $0.ids.append(promptID) }
    }

    /// Puts a job back to the front.
    func putBack(_ promptID: String) {
        state.withLock { state in
            if state.head > 0 {
                state.head -= 1
                state.ids[state.head] = promptID
            } else {
                state.ids.insert(promptID, at: 0)
            }
        }
    }

    /// Takes the first job.
    func take() -> String? {
        state.withLock { state in
            guard state.head < state.ids.count else { return nil }
            let id = state.ids[state.head]
            state.head += 1
            if state.head > 1024, state.head * 2 > state.ids.count {
                state.ids.removeFirst(state.head)
                state.head = 0
            }
            return id
        }
    }

    /// How many wait.
    var count: Int { state.withLock { $0.ids.count - $0.head } }
}
