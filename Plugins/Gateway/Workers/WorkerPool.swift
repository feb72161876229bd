import ComfyUI
import PluginAPI
import Synchronization

/// The registered workers as they are now: in memory, complete, and cheap to ask.
final class WorkerPool: Sendable {
    /// A worker and what is known of it now.
    struct Member: Sendable {
        var worker: Worker
        var health = WorkerHealth.unknown
        var load = WorkerLoad()
        /// Whether it may get jobs, by how it did with the last ones.
        var breaker = CircuitBreaker()
        /// Whether its queue moves.
        var stall = StallWatch()
        /// Since when it refuses connections, so that its process is gone.
        var refusingSince: Instant?
        /// Since when its event stream is connected without a break.
        var connectedSince: Instant?
        /// Since when it was handed a prompt that no event has confirmed yet.
        var unheardSince: Instant?
        fileprivate var lastChosen: UInt64 = 0
    }

    fileprivate struct State {
        var members: [Member] = []
        /// What of each member decides about choices, in the same order.
        var slots: [Balancer.Slot] = []
        var places: [String: Int] = [:]
        var choices: UInt64 = 0
    }

    private let state = Mutex(State())
    private let rules: WorkerRules
    private let onChange: @Sendable (Worker, WorkerChange) -> Void

    /// Makes an empty pool; the closure learns of workers that turned healthy or unhealthy, and of their breakers.
    init(_ rules: WorkerRules, onChange: @escaping @Sendable (Worker, WorkerChange) -> Void = { _, _ in }) {
        self.rules = rules
        self.onChange = onChange
    }

    /// All workers that are not removed, in order of registration.
    var members: [Member] { state.withLock { $0.members.filter { !$0.worker.isRemoved } } }

    /// All workers, removed ones too.
    var everyMember: [Member] { state.withLock { $0.members } }

    /// A worker, removed ones too.
    subscript(id: String) -> Member? {
        state.withLock { state in state.places[id].map { state.members[$0] } }
    }

    /// Adds a worker, or replaces what is stored of it; a new URL makes its health unknown.
    func put(_ worker: Worker) {
        state.withLock { state in
            guard let place = state.places[worker.id] else {
                state.places[worker.id] = state.members.count
                let member = Member(worker: worker)
                state.members.append(member)
                state.slots.append(member.slot)
                return
            }
            let before = state.members[place].worker
            state.members[place].worker = worker
            if before.url != worker.url || before.isRemoved != worker.isRemoved {
                state.members[place].health = .unknown
                state.members[place].load.forget()
                state.members[place].stall = StallWatch()
                state.members[place].refusingSince = nil
                state.members[place].connectedSince = nil
            }
            // Somebody who changes what may have been wrong wishes to try again.
            if before.url != worker.url || before.ownCredentials != worker.ownCredentials
                || before.isInUse != worker.isInUse
            {
                state.members[place].breaker = CircuitBreaker()
            }
            state.slots[place] = state.members[place].slot
        }
    }

    private func update<T>(_ id: String, _ body: (inout Member) -> T) -> T? {
        state.withLock { state in
            guard let place = state.places[id] else { return nil }
            defer { state.slots[place] = state.members[place].slot }
            return body(&state.members[place])
        }
    }
}

fileprivate extension WorkerPool.Member {
    /// What decides about choosing it.
    var slot: Balancer.Slot {
        Balancer.Slot(
            ours: load.ours + load.reserved, foreign: load.foreign, weight: worker.weight, lastChosen: lastChosen,
            usability: usability)
    }

    private var usability: Balancer.Usability {
        if worker.isRemoved { return .removed }
        if !worker.enabled { return .disabled }
        if case .unhealthy = health { return stall.isStalled ? .stalled : .unhealthy }
        switch breaker.state {
        case .open: return .broken
        case .halfOpen: return .halfOpen
        case .closed: return health == .healthy ? .healthy : .notAsked
        }
    }
}

// MARK: - Choosing

extension WorkerPool {
    /// Chooses a worker with room for a job and keeps a place there, until ``unreserve(_:)``; `nil` when none has room.
    ///
    /// Enabled workers that answered last time come first, then those not asked yet.
    func reserve(excluding tried: Set<String> = []) -> WorkerChoice? {
        state.withLock { state in
            let triedPlaces = Set(tried.compactMap { state.places[$0] })
            guard
                let place = Balancer.choose(
                    state.slots, excluding: triedPlaces, maximumInFlight: rules.maximumInFlight)
            else { return nil }
            let choice = state.explain(place)
            state.choices += 1
            state.members[place].lastChosen = state.choices
            state.members[place].load.reserved += 1
            state.slots[place] = state.members[place].slot
            return choice
        }
    }

    /// Gives the place of ``reserve(excluding:)`` back: the job is there now, or will not go there.
    func unreserve(_ id: String) {
        _ = update(id) { $0.load.reserved = max(0, $0.load.reserved - 1) }
    }

    /// Whether there is an enabled worker that answers, with or without room.
    var isUsable: Bool { state.withLock { $0.slots.contains { $0.usability.isUsable } } }

    /// What the workers let a waiting job hope for.
    var outlook: WorkerOutlook {
        WorkerOutlook(state.withLock { $0.slots }, maximumInFlight: rules.maximumInFlight)
    }

    /// Whether a prompt can go to another worker than this one.
    func hasAlternative(to id: String) -> Bool {
        state.withLock { state in
            let own = state.places[id]
            return state.slots.indices.contains { $0 != own && state.slots[$0].usability.isUsable }
        }
    }

    /// The number of our jobs on a worker changed.
    func count(_ change: Int, on id: String) {
        _ = update(id) { $0.load.ours += change }
    }

    /// A worker took a prompt.
    func tookPrompt(_ id: String, now: Instant) {
        _ = update(id) { member in
            if member.unheardSince == nil { member.unheardSince = now }
        }
    }
}

fileprivate extension WorkerPool.State {
    /// The choice of a place, and the best of the others.
    func explain(_ chosen: Int) -> WorkerChoice {
        var best: [Int] = [chosen]
        for place in slots.indices where place != chosen && slots[place].usability != .removed {
            if best.count < WorkerChoice.limit {
                best.append(place)
            } else if let last = best.last, slots[place].isBetter(than: slots[last]) {
                best[best.count - 1] = place
            } else {
                continue
            }
            // Kept in order; the chosen one stays in front.
            var index = best.count - 1
            while index > 1, slots[best[index]].isBetter(than: slots[best[index - 1]]) {
                best.swapAt(index, index - 1)
                index -= 1
            }
        }
        return WorkerChoice(
            worker: members[chosen].worker,
            candidates: best.map { place in
                WorkerChoice.Candidate(
                    id: members[place].worker.id, name: members[place].worker.name, slot: slots[place])
            }, considered: slots.count { $0.usability != .removed })
    }
}

// MARK: - Changes

extension WorkerPool {
    /// Changes what is known of a worker, and tells of a change of its health or its breaker.
    func observe(_ id: String, _ body: (inout Member, WorkerRules) -> Void) {
        let change: (before: Member, after: Member)? = update(id) { member in
            let before = member
            body(&member, rules)
            return (before, member)
        }
        guard let (before, after) = change else { return }
        let isNews =
            before.health.isHealthy != after.health.isHealthy || (before.health == .unknown && after.health == .healthy)
        if isNews { onChange(after.worker, .health(after.health)) }
        if before.breaker.state != after.breaker.state { onChange(after.worker, .breaker(after.breaker)) }
    }

    /// Changes what is known of a worker where nobody needs to be told.
    func note(_ id: String, _ body: (inout Member) -> Void) {
        _ = update(id, body)
    }
}
