import PluginAPI
internal import Synchronization

/// Knows which agents are heard of, with some patience: neither a late heartbeat nor a pause of the daemon makes a false alarm.
///
/// Time is counted in ticks of ``check(_:)``; a tick that comes late counts as two intervals at most, because while the daemon stood
/// still no heartbeat could come in either.
final class PresenceBoard: Sendable {
    /// How long an agent may be silent before it counts as offline.
    static let patience = Duration.seconds(180)
    /// How many heartbeats an agent must send before it counts as back, no two further apart than ``patience``: one that hangs by
    /// a thread does not come and go with each of them.
    static let heartbeatsToReturn = 2
    /// How often ``check(_:)`` is called.
    static let interval = Duration.seconds(5)

    private struct State {
        /// The daemon's own time, which stands still while the daemon does.
        var elapsed = Duration.zero
        var lastCheck: Instant?
        /// When each agent was last heard of, in ``elapsed``, or when waiting for it began.
        var heard: [String: Duration] = [:]
        /// When the last heartbeat of each agent came; those of ``heard`` that are not here are only waited for.
        var beats: [String: Instant] = [:]
        /// The offline agents, with the heartbeats that came since.
        var offline: [String: Int] = [:]
    }

    private let clock: any TimeSource
    private let state = Mutex(State())

    /// Makes an empty board.
    init(clock: any TimeSource) {
        self.clock = clock
    }

    /// Whether the last heartbeat of an agent came within ``patience``, without the patience that alerts have.
    func isOnline(_ agent: AgentRecord) -> Bool {
        if let beat = state.withLock({ $0.beats[agent.id] }) { return beat.duration(to: clock.now) < Self.patience }
        // None since the start: what is on disk counts, by a clock that may have been put back since.
        guard let last = agent.report.lastHeartbeatAt else { return false }
        let now = clock.wallClock
        return last < now.advanced(by: Self.patience) && now < last.advanced(by: Self.patience)
    }

    /// Whether an agent is, or is about to be, told to be offline.
    func isMissed(_ id: String) -> Bool {
        state.withLock { state in
            guard let heard = state.heard[id] else { return false }
            return state.offline[id] != nil || state.elapsed - heard >= Self.patience
        }
    }

    /// Takes a heartbeat; whether the agent was offline and is back with it.
    func hear(_ id: String) -> Bool {
        state.withLock { state in
            let last = state.heard.updateValue(state.elapsed, forKey: id)
            state.beats[id] = clock.now
            guard let count = state.offline[id] else { return false }
            let goesOn = last.map { state.elapsed - $0 < Self.patience } ?? false
            let heartbeats = goesOn ? count + 1 : 1
            let isBack = heartbeats >= Self.heartbeatsToReturn
            state.offline[id] = isBack ? nil : heartbeats
            return isBack
        }
    }

    /// Forgets an agent.
    func forget(_ id: String) {
        state.withLock { state in
            state.heard[id] = nil
            state.beats[id] = nil
            state.offline[id] = nil
        }
    }

    /// Whether an agent is only waited for: no heartbeat of it came since ``expect(_:)``.
    func isAwaited(_ id: String) -> Bool {
        state.withLock { $0.heard[id] != nil && $0.beats[id] == nil }
    }

    /// Begins to wait for those that were heard of before the start, as if they had just been.
    func expect(_ ids: some Sequence<String>) {
        state.withLock { state in
            for id in ids where state.heard[id] == nil { state.heard[id] = state.elapsed }
        }
    }

    /// Looks who fell silent since the last look.
    func check() -> [String] {
        state.withLock { state in
            let now = clock.now
            if let last = state.lastCheck { state.elapsed += min(last.duration(to: now), Self.interval * 2) }
            state.lastCheck = now
            let silent = state.heard.filter { id, heard in
                state.elapsed - heard >= Self.patience && state.offline[id] == nil
            }
            for id in silent.keys { state.offline[id] = 0 }
            return silent.keys.sorted()
        }
    }
}
