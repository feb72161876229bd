internal import Synchronization

/// What the nodes of the last prompt gave, by signature.
final class ResultCache: Sendable {
    private struct State {
        var generation = 0
        var results: [NodeSignature: NodeResult] = [:]
    }

    private let state = Mutex(State())

    /// Empties the cache when the process is a new one, or asked to free memory.
    func enter(generation: Int, forgetting: Bool) {
        state.withLock { state in
            if forgetting || state.generation != generation { state.results.removeAll() }
            state.generation = generation
        }
    }

    /// Drops what the next prompt has no use for, and gives the rest.
    func keep(_ wanted: Set<NodeSignature>) -> [NodeSignature: NodeResult] {
        state.withLock { state in
            state.results = state.results.filter { wanted.contains($0.key) }
            return state.results
        }
    }

    func store(_ result: NodeResult, for signature: NodeSignature) {
        state.withLock { $0.results[signature] = result }
    }
}
