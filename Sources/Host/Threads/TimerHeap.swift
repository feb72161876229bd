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
    /// At this size cancelled timers are thrown out; most timeouts are cancelled long before their time.
    private var compactionSize = 256

    var isEmpty: Bool { heap.isEmpty }

    /// The earliest deadline.
    var next: Instant? {
        mutating get {
            dropCancelled()
            return heap.first?.deadline
        }
    }

    mutating func insert(_ timer: LoopTimer) {
        if heap.count >= compactionSize { compact() }
        heap.append(timer)
        var index = heap.count - 1
        while index > 0, heap[index].deadline < heap[(index - 1) / 2].deadline {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func compact() {
        // A sorted array is a heap.
        heap = heap.filter { $0.body != nil }.sorted { $0.deadline < $1.deadline }
        compactionSize = max(256, 2 * heap.count)
    }

    /// Takes the body of a timer that is due; the caller runs it, as it may schedule others.
    mutating func takeDue(until now: Instant) -> (() -> Void)? {
        while let first = heap.first, first.deadline <= now {
            removeFirst()
            guard let body = first.body else { continue }
            first.body = nil
            return body
        }
        return nil
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
