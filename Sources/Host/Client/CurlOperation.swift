import CCurl
import PluginAPI

/// What occupies a libcurl handle of an engine until it ends: a request, or the opening of a connection.
///
/// Confined to the engine's loop.
// The unchecked conformance holds because all is used on the loop's thread alone; other threads only hold references.
class CurlOperation: @unchecked Sendable {
    let engine: CurlEngine
    /// Which addresses its connections may go to.
    let addresses: AddressCheck?
    /// The handle; `nil` before the start and after the end.
    var easy: UnsafeMutableRawPointer?
    /// When the engine calls ``deadlinePassed(_:)``; set through ``CurlEngine/setDeadline(_:of:)``.
    fileprivate(set) var deadline = Instant(nanoseconds: .max)
    fileprivate var heapIndex = -1
    fileprivate var isTouched = false

    init(engine: CurlEngine, policy: AddressPolicy?) {
        self.engine = engine
        addresses = policy.map { AddressCheck(policy: $0, own: engine.own) }
    }

    /// libcurl is done with the handle, which is still attached.
    func ended(_ code: CURLcode) {}

    /// The deadline passed.
    func deadlinePassed(_ now: Instant) {}

    /// The engine goes away.
    func engineClosed() {}

    /// Whether libcurl may open a connection for the operation.
    var mayOpenSocket: Bool { true }

    /// Tells waiting tasks what libcurl's callbacks brought; called outside of them.
    func settle() {}
}

extension CurlOperation {
    /// Asks for one ``settle()`` before the loop goes on.
    func touch() {
        guard !isTouched else { return }
        isTouched = true
        engine.addTouched(self)
    }

    func takeTouch() {
        isTouched = false
    }
}

/// The operations under way, as a binary heap by deadline in which each one knows its place.
struct OperationHeap {
    private var heap: [CurlOperation] = []

    var first: CurlOperation? { heap.first }
    var count: Int { heap.count }

    mutating func set(_ deadline: Instant, of operation: CurlOperation) {
        let isLater = deadline > operation.deadline
        operation.deadline = deadline
        if operation.heapIndex < 0 {
            operation.heapIndex = heap.count
            heap.append(operation)
            rise(operation.heapIndex)
        } else if isLater {
            sink(operation.heapIndex)
        } else {
            rise(operation.heapIndex)
        }
    }

    mutating func remove(_ operation: CurlOperation) {
        let index = operation.heapIndex
        guard index >= 0, let last = heap.popLast() else { return }
        operation.heapIndex = -1
        guard last !== operation else { return }
        heap[index] = last
        last.heapIndex = index
        rise(index)
        sink(last.heapIndex)
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0, heap[index].deadline < heap[(index - 1) / 2].deadline {
            swap(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var smallest = index
            let left = 2 * index + 1
            if left < heap.count, heap[left].deadline < heap[smallest].deadline { smallest = left }
            if left + 1 < heap.count, heap[left + 1].deadline < heap[smallest].deadline { smallest = left + 1 }
            guard smallest != index else { return }
            swap(index, smallest)
            index = smallest
        }
    }

    private mutating func swap(_ one: Int, _ other: Int) {
        heap.swapAt(one, other)
        heap[one].heapIndex = one
        heap[other].heapIndex = other
    }
}
