import Synchronization

/// The jobs that wait for a worker.
final class WaitingJobs: Sendable {
    private let state = Mutex<[WaitingEntry]>([])

    func add(_ entry: WaitingEntry, returning: Bool = false) {
        state.withLock {
            $0.append(entry)
            $0.sort { ($1.priority, $0.place, $0.sequence) < ($0.priority, $1.place, $1.sequence) }
        }
    }
    func take() -> WaitingEntry? { state.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    @discardableResult func remove(_ promptID: String) -> WaitingEntry? {
        state.withLock { state in
            state.firstIndex { $0.promptID == promptID }.map { state.remove(at: $0) }
        }
    }
    func move(_ promptID: String, priority: Int?, position: Int?) -> [WaitingEntry]? { nil }
    func position(of promptID: String) -> Int? {
        state.withLock { $0.firstIndex { $0.promptID == promptID }.map { $0 + 1 } }
    }
    func list(offset: Int, limit: Int) -> [WaitingEntry] {
        state.withLock { Array($0.dropFirst(offset).prefix(limit)) }
    }
    var count: Int { state.withLock { $0.count } }
}
