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
        /// Since when its event stream is connected without a break.
        var connectedSince: Instant?
        /// Since when it was handed a prompt that no event has confirmed yet.
        var unheardSince: Instant?
        fileprivate var lastChosen: UInt64 = 0
    }

    private struct State {
        var members: [Member] = []
        var places: [String: Int] = [:]
        var choices: UInt64 = 0
    }

    private let state = Mutex(State())
    private let onChange: @Sendable (Worker, WorkerHealth) -> Void

    /// Makes an empty pool; the closure learns of workers that turned healthy or unhealthy.
    init(onHealthChange: @escaping @Sendable (Worker, WorkerHealth) -> Void = { _, _ in }) {
        onChange = onHealthChange
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
                state.members.append(Member(worker: worker))
                return
            }
            let before = state.members[place].worker
            state.members[place].worker = worker
            guard before.url != worker.url || before.isRemoved != worker.isRemoved else { return }
            state.members[place].health = .unknown
            state.members[place].load = WorkerLoad()
        }
    }

    private func update<T>(_ id: String, _ body: (inout Member) -> T) -> T? {
        state.withLock { state in
            guard let place = state.places[id] else { return nil }
            return body(&state.members[place])
        }
    }
}

// MARK: - Choosing

extension WorkerPool {
    /// Chooses a worker for a prompt and counts the prompt there; `nil` when none can be used.
    ///
    /// Enabled workers that answered last time come first, then those not asked yet.
    func reserve(excluding tried: Set<String> = []) -> Worker? {
        state.withLock { state in
            let place =
                Self.choose(state.members, tried) { $0 == .healthy }
                ?? Self.choose(state.members, tried) { $0 == .unknown }
            guard let place else { return nil }
            state.choices += 1
            state.members[place].lastChosen = state.choices
            state.members[place].load.inFlight += 1
            return state.members[place].worker
        }
    }

    private static func choose(
        _ members: [Member], _ tried: Set<String>, _ isUsable: (WorkerHealth) -> Bool
    ) -> Int? {
        Balancer.choose(members.count) { index in
            let member = members[index]
            guard member.worker.enabled, !member.worker.isRemoved, isUsable(member.health),
                tried.isEmpty || !tried.contains(member.worker.id)
            else { return nil }
            return Balancer.Candidate(
                load: member.load.total, weight: member.worker.weight, lastChosen: member.lastChosen)
        }
    }

    /// Whether a prompt can go to another worker than this one.
    func hasAlternative(to id: String) -> Bool {
        state.withLock { state in
            state.members.contains { member in
                member.worker.id != id && member.worker.enabled && !member.worker.isRemoved && member.health.isHealthy
            }
        }
    }

    /// Ends a reservation: whether the worker took the prompt.
    func release(_ id: String, taken: Bool, now: Instant) {
        _ = update(id) { member in
            member.load.inFlight = max(0, member.load.inFlight - 1)
            guard taken else { return }
            member.load.sent += 1
            if member.unheardSince == nil { member.unheardSince = now }
        }
    }

    /// One of our prompts on a worker has ended.
    func promptEnded(on id: String) {
        _ = update(id) { $0.load.ended += 1 }
    }
}

// MARK: - Observing

extension WorkerPool {
    /// The changes counted so far, which a reading that begins now will include.
    struct ReadingMark: Sendable {
        fileprivate let sent: Int
        fileprivate let ended: Int
    }

    /// A reading of the queue begins.
    func beginReading(_ id: String) -> ReadingMark {
        update(id) { ReadingMark(sent: $0.load.sent, ended: $0.load.ended) } ?? ReadingMark(sent: 0, ended: 0)
    }

    /// A reading of the queue succeeded.
    func finishReading(_ id: String, _ mark: ReadingMark, running: Int, pending: Int) {
        let changed: Worker? =
            update(id) { member in
                member.load.running = running
                member.load.pending = pending
                member.load.sent = max(0, member.load.sent - mark.sent)
                member.load.ended = max(0, member.load.ended - mark.ended)
                let isNews = member.health != .healthy
                member.health = .healthy
                return isNews ? member.worker : nil
            } ?? nil
        if let changed { onChange(changed, .healthy) }
    }

    /// A worker did not answer, or not as it should; its own words stay out of the reason, which callers see.
    func fail(_ id: String, _ error: any Error, now: Instant) {
        let reason = (error as? ComfyServerError)?.reason ?? "\(error)"
        let changed: (Worker, WorkerHealth)? =
            update(id) { member in
                let isNews = member.health.isHealthy
                var since = now
                if case .unhealthy(_, let before) = member.health { since = before }
                member.health = .unhealthy(reason, since: since)
                return isNews ? (member.worker, member.health) : nil
            } ?? nil
        if let (worker, health) = changed { onChange(worker, health) }
    }

    /// The event stream of a worker was connected (with the time), or broke (`nil`).
    func setConnected(_ id: String, since: Instant?) {
        _ = update(id) { member in
            member.connectedSince = since
            member.unheardSince = nil
        }
    }

    /// An event of a worker arrived.
    func heard(_ id: String) {
        _ = update(id) { $0.unheardSince = nil }
    }
}
