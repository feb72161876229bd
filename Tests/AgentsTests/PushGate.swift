import Synchronization

/// Holds visitors until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
        var wasVisited = false
    }

    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let woken = state.withLock { state in
                state.wasVisited = true
                defer { state.watchers = [] }
                if !state.isOpen { state.waiting.append(continuation) }
                return state.watchers + (state.isOpen ? [continuation] : [])
            }
            for one in woken { one.resume() }
        }
    }

    func waitForVisitor() async {
        await withCheckedContinuation { continuation in
            let isHere = state.withLock { state in
                if !state.wasVisited { state.watchers.append(continuation) }
                return state.wasVisited
            }
            if isHere { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }
}
