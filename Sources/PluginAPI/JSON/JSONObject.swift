/// The members of a JSON object, in the order in which they were added.
///
/// A key is there once; keys are told apart by their code points. Finding one takes a scan in a small object and a
/// hash in a large one; removing one takes time in proportion to the count. Two objects are equal when they have equal members, whatever the order.
public struct JSONObject: Sendable {
    struct Member: Sendable {
        var key: String
        var value: JSON
    }

    private(set) var members: [Member]
    /// There above ``JSONKeyIndex/threshold`` members.
    private var index: JSONKeyIndex?

    /// Makes an object without members.
    public init() {
        members = []
    }

    /// Makes an object of members; of equal keys the last value wins and the first place is kept.
    public init(_ members: some Sequence<(String, JSON)>) {
        self.init()
        reserveCapacity(members.underestimatedCount)
        for (key, value) in members { self[key] = value }
    }

    /// Makes an object of members whose keys are known to differ.
    init(distinct members: [Member], index: JSONKeyIndex?) {
        self.members = members
        self.index = index
    }

    /// How many members there are.
    public var count: Int {
        members.count
    }

    /// Whether there are no members.
    public var isEmpty: Bool {
        members.isEmpty
    }

    /// The keys in order.
    public var keys: [String] {
        members.map(\.key)
    }

    /// The values in the order of their keys.
    public var values: [JSON] {
        members.map(\.value)
    }

    /// Whether there is a member of that name.
    public func contains(_ key: String) -> Bool {
        place(of: key) != nil
    }

    /// The value of a member, nil when there is none.
    ///
    /// A new value of a present key keeps the key's place, a new key goes to the end, and nil removes the member.
    public subscript(key: String) -> JSON? {
        get {
            guard let place = place(of: key) else { return nil }
            return members[place].value
        }
        _modify {
            let place = place(of: key)
            var value: JSON?
            if let place {
                value = .null
                swap(&value, at: place)
            }
            defer {
                switch (place, value) {
                case (let place?, let value?): members[place].value = value
                case (let place?, nil): remove(at: place)
                case (nil, let value?): append(key, value)
                case (nil, nil): break
                }
            }
            yield &value
        }
    }

    /// Removes a member and returns its value, nil when there was none; the others keep their order.
    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSON? {
        guard let place = place(of: key) else { return nil }
        let value = members[place].value
        remove(at: place)
        return value
    }

    /// Makes room for a number of members.
    public mutating func reserveCapacity(_ capacity: Int) {
        members.reserveCapacity(capacity)
    }
}

// MARK: - Places

extension JSONObject {
    func place(of key: String) -> Int? {
        if let index {
            return index.place(of: key) { members[$0].key }
        }
        return members.firstIndex { $0.key.hasSameBytes(as: key) }
    }

    /// Takes a value out, so that it can be changed without a copy.
    private mutating func swap(_ value: inout JSON?, at place: Int) {
        let taken = members[place].value
        members[place].value = .null
        value = taken
    }

    private mutating func append(_ key: String, _ value: JSON) {
        members.append(Member(key: key, value: value))
        guard members.count > JSONKeyIndex.threshold else { return }
        if index?.isFull(at: members.count) ?? true {
            index = JSONKeyIndex(of: members)
        } else {
            _ = index?.insert(key, at: members.count - 1) { [members] in members[$0].key }
        }
    }

    private mutating func remove(at place: Int) {
        members.remove(at: place)
        index = members.count > JSONKeyIndex.threshold ? JSONKeyIndex(of: members) : nil
    }
}

// MARK: - Sequence

extension JSONObject: Sequence {
    /// Walks the members in order.
    public struct Iterator: IteratorProtocol {
        private var members: IndexingIterator<[Member]>

        init(_ members: [Member]) {
            self.members = members.makeIterator()
        }

        /// The next member, nil after the last one.
        public mutating func next() -> (key: String, value: JSON)? {
            guard let member = members.next() else { return nil }
            return (member.key, member.value)
        }
    }

    /// Starts at the first member.
    public func makeIterator() -> Iterator {
        Iterator(members)
    }

    /// The number of members.
    public var underestimatedCount: Int {
        members.count
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Makes an object whose members keep the order of the literal; of equal keys the last value wins.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self.init(elements)
    }
}

extension JSONObject: CustomStringConvertible {
    /// The object in the compact style.
    public var description: String {
        JSON.object(self).text()
    }
}
