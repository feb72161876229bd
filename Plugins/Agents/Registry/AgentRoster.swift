import PluginAPI
internal import Synchronization

/// All agents in memory: heartbeats change them here, and are written to disk in batches.
///
/// A heartbeat that a crash loses comes again within a minute; what an administrator decides is on disk before it is here.
final class AgentRoster: Sendable {
    private struct State {
        var agents: [String: AgentRecord] = [:]
        /// Those whose report is not on disk yet.
        var unsaved: Set<String> = []
    }

    private let state = Mutex(State())

    /// Takes the agents from disk.
    func load(_ agents: [AgentRecord]) {
        state.withLock { $0.agents = Dictionary(agents.map { ($0.id, $0) }) { $1 } }
    }

    /// An agent.
    subscript(id: String) -> AgentRecord? { state.withLock { $0.agents[id] } }

    /// An agent.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_NOT_FOUND`.
    func find(_ id: String) throws(HTTPError) -> AgentRecord {
        guard let agent = self[id] else { throw HTTPError(.agentNotFound) }
        return agent
    }

    /// All agents, in no order.
    var all: [AgentRecord] { state.withLock { Array($0.agents.values) } }

    /// Some of those that match, the last changed first.
    func newest(_ page: ListPage, where matches: (AgentRecord) -> Bool) -> [AgentRecord] {
        // Times and ids are sorted instead of whole records, and without the lock: of ten thousand only a page is wanted.
        var found: [(at: Int64, id: String)] = []
        state.withLock { state in
            for agent in state.agents.values where matches(agent) {
                found.append((agent.updatedAt.milliseconds, agent.id))
            }
        }
        found.sort { $0.at != $1.at ? $0.at > $1.at : $0.id > $1.id }
        let wanted = found.dropFirst(page.offset).prefix(page.limit)
        return state.withLock { state in wanted.compactMap { state.agents[$0.id] } }
    }

    /// Takes what is stored of an agent, `nil` when it is gone; what its heartbeats say is newer here.
    func follow(_ id: String, _ stored: AgentRecord?) {
        state.withLock { state in
            guard let stored, let known = state.agents[id], known.createdAt == stored.createdAt else {
                // A new one, or none any more.
                state.agents[id] = stored
                state.unsaved.remove(id)
                return
            }
            state.agents[id]?.decision = stored.decision
            state.agents[id]?.updatedAt = max(known.updatedAt, stored.updatedAt)
        }
    }

    /// Changes what an agent's heartbeats say; `nil` when it is gone.
    @discardableResult
    func report(_ id: String, at time: Timestamp, _ body: (inout AgentRecord.Report) -> Void) -> AgentRecord? {
        state.withLock { state in
            guard var agent = state.agents.removeValue(forKey: id) else { return nil }
            body(&agent.report)
            agent.updatedAt = time
            state.agents[id] = agent
            state.unsaved.insert(id)
            return agent
        }
    }

    /// Those whose report is not on disk yet, at most so many; they count as saved from here on.
    func takeUnsaved(_ limit: Int) -> [AgentRecord] {
        state.withLock { state in
            let ids = state.unsaved.prefix(limit)
            state.unsaved.subtract(Array(ids))
            return ids.compactMap { state.agents[$0] }
        }
    }

    /// Says that reports did not reach the disk.
    func keepUnsaved(_ agents: [AgentRecord]) {
        state.withLock { state in
            for agent in agents where state.agents[agent.id] != nil { state.unsaved.insert(agent.id) }
        }
    }
}
