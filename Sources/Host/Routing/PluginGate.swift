import Synchronization

/// Counts the requests inside one plugin and closes the door while it drains.
final class PluginGate: Sendable {
    /// Bit 0 is draining, bit 1 that somebody waits, the rest the count.
    private let word = Atomic<UInt>(0)
    private let waiters = Mutex(Waiters())
    private let endings = Mutex(Endings())

    /// How to end what is inside and may be endless.
    private struct Endings {
        var open: [ObjectIdentifier: (kind: GatePass.Kind, end: @Sendable () -> Void)] = [:]
        /// What was ended already, for requests that come to it only now.
        var over: Set<GatePass.Kind> = []
    }

    private struct Waiters {
        var continuations: [UInt: CheckedContinuation<Void, Never>] = [:]
        var next: UInt = 0
    }

    private static let draining: UInt = 1
    private static let waited: UInt = 2
    private static let one: UInt = 4

    /// Counts a request in; false, and not counted, while the plugin drains.
    func enter() -> Bool {
        let before = word.wrappingAdd(Self.one, ordering: .acquiringAndReleasing).oldValue
        guard before & Self.draining != 0 else { return true }
        leave()
        return false
    }

    /// Counts a request out.
    func leave() {
        if countOut() { wake() }
    }

    /// Counts a request out; whether it was the last one, and somebody waits for that: then ``wake()`` follows.
    func countOut() -> Bool {
        let now = word.wrappingSubtract(Self.one, ordering: .acquiringAndReleasing).newValue
        return now / Self.one == 0 && now & Self.waited != 0
    }

    /// How many requests are inside.
    var count: Int { Int(clamping: word.load(ordering: .acquiring) / Self.one) }

    /// Whether somebody waits until nobody is inside.
    var isAwaited: Bool { word.load(ordering: .acquiring) & Self.waited != 0 }

    /// Whether the door is closed.
    var isDraining: Bool {
        get { word.load(ordering: .acquiring) & Self.draining != 0 }
        set {
            if newValue {
                word.bitwiseOr(Self.draining, ordering: .acquiringAndReleasing)
            } else {
                endings.withLock { $0.over = [] }
                word.bitwiseAnd(~Self.draining, ordering: .acquiringAndReleasing)
            }
        }
    }

    /// Returns when nobody is inside, or the waiting task is cancelled.
    func waitUntilIdle() async {
        let ticket = waiters.withLock { waiters in
            waiters.next &+= 1
            return waiters.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = waiters.withLock { waiters in
                    guard !Task.isCancelled else { return true }
                    // The bit is set before the count is read, so the last one out sees it or is seen to be out.
                    let now = word.bitwiseOr(Self.waited, ordering: .acquiringAndReleasing).newValue
                    guard now / Self.one != 0 else { return true }
                    waiters.continuations[ticket] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            waiters.withLock { $0.continuations.removeValue(forKey: ticket) }?.resume()
        }
    }

    /// Ends everything of a kind that is inside, and what becomes of that kind until the door opens again.
    func end(_ kind: GatePass.Kind) {
        let found = endings.withLock { endings in
            endings.over.insert(kind)
            return endings.open.values.filter { $0.kind == kind }.map(\.end)
        }
        for end in found { end() }
    }

    fileprivate func note(_ pass: GatePass, _ kind: GatePass.Kind, _ end: @escaping @Sendable () -> Void) {
        let isOver = endings.withLock { endings in
            endings.open[ObjectIdentifier(pass)] = (kind, end)
            return endings.over.contains(kind)
        }
        if isOver { end() }
    }

    fileprivate func forget(_ pass: GatePass) {
        _ = endings.withLock { $0.open.removeValue(forKey: ObjectIdentifier(pass)) }
    }

    /// Lets those go on who wait, if nobody is inside.
    func wake() {
        let continuations = waiters.withLock { waiters in
            // Somebody may have come in again; then the next one out wakes, and those who wait have to be there still.
            guard word.load(ordering: .acquiring) / Self.one == 0 else {
                return [CheckedContinuation<Void, Never>]()
            }
            defer { waiters.continuations = [:] }
            word.bitwiseAnd(~Self.waited, ordering: .acquiringAndReleasing)
            return Array(waiters.continuations.values)
        }
        for continuation in continuations { continuation.resume() }
    }
}

/// Keeps a request counted as long as something of it lives: a body that still streams, an open WebSocket.
final class GatePass: Sendable {
    /// What may go on for ever.
    enum Kind: Sendable {
        /// A body that should arrive whole.
        case stream
        /// Server-sent events, which have no end of their own.
        case events
        case webSocket
    }

    private let gate: PluginGate

    /// Takes over one ``PluginGate/enter()``.
    init(_ gate: PluginGate) {
        self.gate = gate
    }

    /// Says how to end what the pass was made for; must not hold the pass.
    func ends(_ kind: Kind, by end: @escaping @Sendable () -> Void) {
        gate.note(self, kind, end)
    }

    deinit {
        gate.forget(self)
        gate.leave()
    }
}
