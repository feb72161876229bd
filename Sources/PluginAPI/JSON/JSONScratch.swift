/// A stack in which the parser collects the content of open containers, to move it into arrays of the right size.
struct JSONScratch<Element>: ~Copyable {
    private var start: UnsafeMutablePointer<Element>
    private var capacity = 64
    private(set) var count = 0

    init() {
        start = .allocate(capacity: capacity)
    }

    deinit {
        start.deinitialize(count: count)
        start.deallocate()
    }

    @inline(__always)
    mutating func append(_ element: consuming Element) {
        if count == capacity { grow() }
        (start + count).initialize(to: element)
        count += 1
    }

    /// The element at a place below the count.
    @inline(__always)
    subscript(place: Int) -> Element {
        _read {
            precondition(place >= 0 && place < count)
            yield start[place]
        }
        _modify {
            precondition(place >= 0 && place < count)
            yield &start[place]
        }
    }

    /// Moves the elements from a place on into an array.
    mutating func popArray(from place: Int) -> [Element] {
        precondition(place >= 0 && place <= count)
        let size = count - place
        let array = [Element](unsafeUninitializedCapacity: size) { buffer, initialized in
            // The capacity is at least the size, and no size is zero: empty containers never come here.
            buffer.baseAddress?.moveInitialize(from: start + place, count: size)
            initialized = size
        }
        count = place
        return array
    }

    /// Drops the elements from a place on.
    mutating func removeAll(from place: Int) {
        precondition(place >= 0 && place <= count)
        (start + place).deinitialize(count: count - place)
        count = place
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: start, count: count)
        start.deallocate()
        start = larger
        capacity *= 2
    }
}
