import PluginAPI

/// A body that a loop runs once; cancel it to drop it.
package final class LoopTimer {
    fileprivate let deadline: Instant
    fileprivate var body: (() -> Void)?

    init(deadline: Instant, body: @escaping () -> Void) {
        self.deadline = deadline
        self.body = body
    }

    /// Drops the body; called on the loop's thread.
    package func cancel() {
        body = nil
    }
}

/// The timers of one loop as a binary heap by deadline; cancelled ones are dropped when they surface.
struct TimerHeap {
    private var heap: [LoopTimer] = []

    /// The earliest deadline.
    var next: Instant? {
        mutating get {
            dropCancelled()
            return heap.first?.deadline
        }
    }

    mutating func insert(_ timer: LoopTimer) {
        heap.append(timer)
        var index = heap.count - 1
        while index > 0, heap[index].deadline < heap[(index - 1) / 2].deadline {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// Takes the body of a timer that is due; bodies run outside, since they may schedule others.
    mutating func popDue(at now: Instant) -> (() -> Void)? {
        dropCancelled()
        guard let first = heap.first, first.deadline <= now else { return nil }
        removeFirst()
        defer { first.body = nil }
        return first.body
    }

    private mutating func dropCancelled() {
        while let first = heap.first, first.body == nil { removeFirst() }
    }

    private mutating func removeFirst() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        heap[0] = last
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].deadline < heap[smallest].deadline {
                smallest = child
            }
            guard smallest != index else { return }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }
}
