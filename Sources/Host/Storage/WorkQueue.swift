/// A first-in, first-out queue whose front moves instead of its elements.
struct WorkQueue {
    private var items: [(any DatabaseWork)?] = []
    private var head = 0

    var count: Int { items.count - head }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ work: any DatabaseWork) {
        items.append(work)
    }

    mutating func popFirst() -> (any DatabaseWork)? {
        guard head < items.count else { return nil }
        let work = items[head]
        items[head] = nil
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: items.count <= 1024)
            head = 0
        } else if head >= 1024, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return work
    }
}
