import Synchronization

/// Which worker a prompt of somebody else was seen at last; for some thousands of prompts.
final class OwnerMemory: Sendable {
    private struct State {
        var young: [String: String] = [:]
        var old: [String: String] = [:]
    }

    /// How many are remembered at least; twice as many at most.
    static let limit = 4096

    private let state = Mutex(State())

    /// The worker of a prompt.
    subscript(promptID: String) -> String? {
        state.withLock { $0.young[promptID] ?? $0.old[promptID] }
    }

    /// Remembers where prompts are.
    func remember(_ promptIDs: [String], on workerID: String) {
        state.withLock { state in
            for promptID in promptIDs {
                state.young[promptID] = workerID
                guard state.young.count >= Self.limit else { continue }
                state.old = state.young
                state.young = [:]
            }
        }
    }
}
