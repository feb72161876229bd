/// Unequal elements in ascending order, in chunks: to add, find or remove one is a binary search and a short move.
struct SortedList<Element: Comparable & Sendable>: Sendable {
    /// Where an element is; any change makes it void.
    struct Index: Comparable, Sendable {
        fileprivate var chunk: Int
        fileprivate var offset: Int

        static func < (left: Self, right: Self) -> Bool { (left.chunk, left.offset) < (right.chunk, right.offset) }
    }

    /// The most elements of one chunk.
    static var chunkLimit: Int { 256 }

    /// None is ever empty.
    private var chunks: [[Element]] = []
    /// How many elements there are.
    private(set) var count = 0

    /// The parts it is kept in, for tests.
    var chunkCount: Int { chunks.count }

    /// Adds an element that is not there yet.
    mutating func insert(_ element: Element) {
        count += 1
        guard !chunks.isEmpty else { return chunks.append([element]) }
        var place = search(element)
        if chunks[place.chunk].count >= Self.chunkLimit {
            // What only grows at its end keeps full chunks.
            if place.chunk == chunks.count - 1, place.offset == chunks[place.chunk].count {
                return chunks.append([element])
            }
            let half = Self.chunkLimit / 2
            chunks.insert(Array(chunks[place.chunk].dropFirst(half)), at: place.chunk + 1)
            chunks[place.chunk].removeLast(chunks[place.chunk].count - half)
            if place.offset > half { place = Index(chunk: place.chunk + 1, offset: place.offset - half) }
        }
        chunks[place.chunk].insert(element, at: place.offset)
    }

    /// Puts an element in the place of the one that equals it, if there is one.
    mutating func update(_ element: Element) {
        guard let place = find(element) else { return }
        chunks[place.chunk][place.offset] = element
    }

    /// Removes an element; false when it is not there.
    @discardableResult
    mutating func remove(_ element: Element) -> Bool {
        guard let place = find(element) else { return false }
        _ = remove(at: place)
        return true
    }

    /// Takes the smallest element.
    mutating func popFirst() -> Element? { chunks.isEmpty ? nil : remove(at: startIndex) }

    /// How many elements are smaller than this one; `nil` when it is not there.
    func rank(of element: Element) -> Int? {
        guard let place = find(element) else { return nil }
        return chunks[..<place.chunk].reduce(place.offset) { $0 + $1.count }
    }

    /// The index of the element that has so many smaller ones; the end when there are no more.
    func index(rank: Int) -> Index {
        var rest = rank
        for chunk in chunks.indices {
            if rest < chunks[chunk].count { return Index(chunk: chunk, offset: rest) }
            rest -= chunks[chunk].count
        }
        return endIndex
    }

    private mutating func remove(at place: Index) -> Element {
        count -= 1
        let element = chunks[place.chunk].remove(at: place.offset)
        let left = chunks[place.chunk].count
        let next = place.chunk + 1
        if left == 0 {
            chunks.remove(at: place.chunk)
        } else if left < Self.chunkLimit / 4, next < chunks.count, left + chunks[next].count <= Self.chunkLimit / 2 {
            // So that what shrinks does not keep its chunks.
            chunks[place.chunk] += chunks.remove(at: next)
        }
        return element
    }

    private func find(_ element: Element) -> Index? {
        guard !chunks.isEmpty else { return nil }
        let place = search(element)
        guard place.offset < chunks[place.chunk].count, chunks[place.chunk][place.offset] == element else { return nil }
        return place
    }

    /// The place of an element in the last chunk that does not begin behind it; there is a chunk.
    private func search(_ element: Element) -> Index {
        let chunk = Swift.max(chunks.partitioningIndex { $0[0] > element } - 1, 0)
        return Index(chunk: chunk, offset: chunks[chunk].partitioningIndex { $0 >= element })
    }
}

extension SortedList: BidirectionalCollection {
    var startIndex: Index { Index(chunk: 0, offset: 0) }
    var endIndex: Index { Index(chunk: chunks.count, offset: 0) }
    var isEmpty: Bool { chunks.isEmpty }

    subscript(place: Index) -> Element { chunks[place.chunk][place.offset] }

    func index(after place: Index) -> Index {
        place.offset + 1 < chunks[place.chunk].count
            ? Index(chunk: place.chunk, offset: place.offset + 1) : Index(chunk: place.chunk + 1, offset: 0)
    }

    func index(before place: Index) -> Index {
        place.offset > 0
            ? Index(chunk: place.chunk, offset: place.offset - 1)
            : Index(chunk: place.chunk - 1, offset: chunks[place.chunk - 1].count - 1)
    }
}

extension Array {
    /// The first index whose element is one of those that are meant; they are all at the end.
    func partitioningIndex(_ isMeant: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if isMeant(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
