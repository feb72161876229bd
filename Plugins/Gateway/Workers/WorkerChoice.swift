import PluginAPI

/// A worker that was chosen for a job, and what it was chosen from.
struct WorkerChoice: Sendable {
    /// A worker that was looked at.
    struct Candidate: Sendable {
        /// Its id.
        let id: String
        /// Its name.
        let name: String
        /// What it was judged by.
        let slot: Balancer.Slot
    }

    /// The worker.
    let worker: Worker
    /// The best candidates, the chosen one among them; at most ``limit``.
    let candidates: [Candidate]
    /// How many workers were looked at.
    let considered: Int

    /// How many candidates are told of.
    static let limit = 16

    /// The reason and the candidates, for the job's story.
    var cause: JobCause {
        var others: [JSON] = []
        for candidate in candidates {
            others.append(
                [
                    "worker_id": .string(candidate.id), "name": .string(candidate.name),
                    "score": .number(JSONNumber(candidate.slot.load)), "ours": .number(JSONNumber(candidate.slot.ours)),
                    "foreign": .number(JSONNumber(candidate.slot.foreign)),
                    "weight": .number(JSONNumber(candidate.slot.weight)),
                    "verdict": .string(verdict(candidate)),
                ])
        }
        return .gateway(
            "chose \(worker.name) out of \(considered)",
            details: [
                "chosen": .string(worker.id), "considered": .number(JSONNumber(considered)),
                "candidates": .array(others),
            ])
    }

    private func verdict(_ candidate: Candidate) -> String {
        if candidate.id == worker.id { return "chosen" }
        return switch candidate.slot.usability {
        case .healthy: reason(candidate.slot)
        case .halfOpen: candidate.slot.isCandidate ? reason(candidate.slot) : "circuit breaker half open"
        case .notAsked: "not asked yet"
        case .unhealthy: "does not answer"
        case .stalled: "queue stands still"
        case .broken: "circuit breaker open"
        case .disabled: "disabled"
        case .removed: "deleted"
        }
    }

    /// What was better about the chosen one; its own slot is as it was before the choice.
    private func reason(_ slot: Balancer.Slot) -> String {
        guard let chosen = candidates.first(where: { $0.id == worker.id })?.slot else { return "usable" }
        if slot.load > chosen.load { return "longer queue" }
        if slot.load < chosen.load { return "tried before" }
        if slot.weight < chosen.weight { return "smaller weight" }
        return "chosen more recently"
    }
}
