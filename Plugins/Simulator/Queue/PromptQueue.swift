/// The pending prompts as the array of a binary heap, arranged by the algorithm of Python's `heapq`, because `/queue`
/// shows that array as it is.
struct PromptQueue: Sendable {
    private(set) var items: [QueueItem] = []

    var count: Int { items.count }

    /// Adds an item.
    ///
    /// - Throws: When it cannot be compared with an entry on its way up; it stays in the queue nevertheless, as in ComfyUI.
    mutating func push(_ item: QueueItem) throws(QueueItem.NotComparable) {
        items.append(item)
        try siftTowardsRoot(from: items.count - 1, until: 0)
    }

    /// Takes the first item out.
    mutating func pop() -> QueueItem? {
        guard let last = items.popLast() else { return nil }
        guard let first = items.first else { return last }
        items[0] = last
        settle(at: 0)
        return first
    }

    /// Removes the first entry of an id.
    mutating func remove(_ promptID: String) -> Bool {
        guard let place = items.firstIndex(where: { $0.promptID == promptID }) else { return false }
        items.remove(at: place)
        for place in stride(from: items.count / 2 - 1, through: 0, by: -1) { settle(at: place) }
        return true
    }

    /// Empties the queue.
    mutating func removeAll() {
        items.removeAll()
    }

    private mutating func siftTowardsRoot(from place: Int, until start: Int) throws(QueueItem.NotComparable) {
        var place = place
        while place > start {
            let parent = (place - 1) / 2
            guard try items[place].isLess(than: items[parent]) else { return }
            items.swapAt(place, parent)
            place = parent
        }
    }

    /// Brings an item to its place below: the smaller child moves up until a leaf is reached, then the item rises again.
    private mutating func settle(at start: Int) {
        var place = start
        var child = 2 * place + 1
        while child < items.count {
            let right = child + 1
            // Entries that cannot be ordered count as equal here.
            if right < items.count, !((try? items[child].isLess(than: items[right])) ?? false) { child = right }
            items.swapAt(place, child)
            place = child
            child = 2 * place + 1
        }
        try? siftTowardsRoot(from: place, until: start)
    }
}
