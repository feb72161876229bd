extension JSON: Hashable {
    /// Whether two values have the same members and the same text, as told at the type.
    public static func == (left: JSON, right: JSON) -> Bool {
        var pending: [(JSON, JSON)] = []
        guard left.matches(right, deferring: &pending) else { return false }
        return allMatch(&pending)
    }

    /// Feeds the value to a hasher; equal values feed the same.
    ///
    /// What lies deeper than a few levels is fed by its size alone.
    public func hash(into hasher: inout Hasher) {
        hash(into: &hasher, levels: 8)
    }
}

extension JSONObject: Hashable {
    /// Whether both have equal members, whatever their order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        JSON.object(left) == JSON.object(right)
    }

    /// Feeds the members to a hasher in a way that does not depend on their order.
    public func hash(into hasher: inout Hasher) {
        JSON.object(self).hash(into: &hasher)
    }
}

// MARK: - Equality without recursion

extension JSON {
    private static func allMatch(_ pending: inout [(JSON, JSON)]) -> Bool {
        while let (left, right) = pending.popLast() {
            switch (left, right) {
            case (.array(let left), .array(let right)):
                for (element, other) in zip(left, right) {
                    guard element.matches(other, deferring: &pending) else { return false }
                }
            case (.object(let left), .object(let right)):
                for (place, member) in left.members.enumerated() {
                    guard let other = right.value(of: member.key, probablyAt: place) else { return false }
                    guard member.value.matches(other, deferring: &pending) else { return false }
                }
            default:
                return false
            }
        }
        return true
    }

    /// Compares scalars, and the kind and size of containers, whose content it leaves for later.
    private func matches(_ other: JSON, deferring pending: inout [(JSON, JSON)]) -> Bool {
        switch (self, other) {
        case (.null, .null): return true
        case (.bool(let left), .bool(let right)): return left == right
        case (.number(let left), .number(let right)): return left == right
        case (.string(let left), .string(let right)): return left.hasSameBytes(as: right)
        case (.array(let left), .array(let right)):
            guard left.count == right.count else { return false }
        case (.object(let left), .object(let right)):
            guard left.count == right.count else { return false }
        default: return false
        }
        pending.append((self, other))
        return true
    }
}

extension JSONObject {
    /// Looks at one place first, because equal objects mostly have the same order too.
    fileprivate func value(of key: String, probablyAt place: Int) -> JSON? {
        if place < members.count, members[place].key.hasSameBytes(as: key) { return members[place].value }
        return self[key]
    }
}

// MARK: - Hashing to a limited depth

extension JSON {
    fileprivate func hash(into hasher: inout Hasher, levels: Int) {
        switch self {
        case .null:
            hasher.combine(0)
        case .bool(let value):
            hasher.combine(1)
            hasher.combine(value)
        case .number(let value):
            hasher.combine(2)
            hasher.combine(value)
        case .string(let value):
            hasher.combine(3)
            value.hashBytes(into: &hasher)
        case .array(let elements):
            hasher.combine(4)
            hasher.combine(elements.count)
            guard levels > 0 else { return }
            for element in elements { element.hash(into: &hasher, levels: levels - 1) }
        case .object(let object):
            hasher.combine(5)
            hasher.combine(object.count)
            guard levels > 0 else { return }
            hasher.combine(object.hashOfMembers(levels: levels - 1))
        }
    }
}

extension JSONObject {
    fileprivate func hashOfMembers(levels: Int) -> Int {
        var sum = 0
        for member in members {
            var hasher = Hasher()
            member.key.hashBytes(into: &hasher)
            member.value.hash(into: &hasher, levels: levels)
            sum &+= hasher.finalize()
        }
        return sum
    }
}
