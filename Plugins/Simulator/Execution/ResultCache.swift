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
    func keep(_ wanted: some Sequence<NodeSignature>) -> [NodeSignature: NodeResult] {
        state.withLock { state in
            guard !state.results.isEmpty else { return [:] }
            var kept: [NodeSignature: NodeResult] = [:]
            for signature in wanted {
                if let result = state.results[signature] { kept[signature] = result }
            }
            state.results = kept
            return kept
        }
    }

    func store(_ result: NodeResult, for signature: NodeSignature) {
        state.withLock { $0.results[signature] = result }
    }
}
