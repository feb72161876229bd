/// Finds the place of a key among the members of a large object.
///
/// An open-addressing table of places plus one, where 0 means free. The hash is seeded per process, so that no sender
/// can choose keys that collide.
struct JSONKeyIndex: Sendable {
    /// Objects up to this many members are searched one by one.
    static let threshold = 12

    private var slots: [UInt32]

    /// Makes an index of no keys, with room for a number of members.
    init(capacity: Int) {
        var size = 32
        while size < capacity * 2 { size *= 2 }
        slots = [UInt32](repeating: 0, count: size)
    }

    /// Makes an index of members whose keys all differ.
    init(of members: [JSONObject.Member]) {
        self.init(capacity: members.count)
        for place in members.indices {
            _ = insert(members[place].key, at: place) { members[$0].key }
        }
    }

    /// The place of a key, nil when it is not in the index.
    func place(of key: String, keyAt: (Int) -> String) -> Int? {
        let slot = slot(of: key, keyAt: keyAt)
        return slots[slot] == 0 ? nil : Int(slots[slot]) - 1
    }

    /// Adds a key unless it is there, and says the place where it was.
    mutating func insert(_ key: String, at place: Int, keyAt: (Int) -> String) -> Int? {
        let slot = slot(of: key, keyAt: keyAt)
        guard slots[slot] == 0 else { return Int(slots[slot]) - 1 }
        // 2^32 members would take more than 100 GB.
        slots[slot] = UInt32(truncatingIfNeeded: place + 1)
        return nil
    }

    /// Whether one more member would make searches slow.
    func isFull(at count: Int) -> Bool {
        count * 2 >= slots.count
    }

    /// The slot that has the key, or the free one where it belongs; there always is a free one.
    private func slot(of key: String, keyAt: (Int) -> String) -> Int {
        var hasher = Hasher()
        key.hashBytes(into: &hasher)
        let mask = slots.count - 1
        var slot = hasher.finalize() & mask
        while slots[slot] != 0, !keyAt(Int(slots[slot]) - 1).hasSameBytes(as: key) {
            slot = (slot + 1) & mask
        }
        return slot
    }
}
