/// A JSON value that leaves as it came: the text of its numbers and the order of its keys survive a round trip.
///
/// Two values are equal when they have the same members and the same text: strings are compared by their code points,
/// as Python does (`"é"` composed and decomposed differ), numbers by their literal (`8` and `8.0` differ), arrays by
/// order, objects whatever the order of their members.
///
/// Parsing, writing, comparing and hashing take no stack per level. Releasing a value does, some 200 bytes; that is safe
/// at the default ``JSONParseOptions/maximumDepth`` on a thread with a stack of 512 KiB.
///
/// Source: RFC 8259.
@frozen public enum JSON: Sendable {
    /// The literal `null`.
    case null
    /// The literals `true` and `false`.
    case bool(Bool)
    /// A number, kept as its text.
    case number(JSONNumber)
    /// A string, without its quotes and escapes.
    case string(String)
    /// A list of values.
    case array([JSON])
    /// An ordered list of members.
    case object(JSONObject)
}

// MARK: - Reading a value

extension JSON {
    /// Whether this is the literal `null`.
    public var isNull: Bool {
        if case .null = self { return true }
        return false
    }

    /// The text of a string, else nil.
    public var stringValue: String? {
        if case .string(let value) = self { return value }
        return nil
    }

    /// The truth value of `true` or `false`, else nil.
    public var boolValue: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    /// The number with its text, else nil.
    public var numberValue: JSONNumber? {
        if case .number(let value) = self { return value }
        return nil
    }

    /// The number as an integer, nil when this is no number or one that no `Int` holds exactly.
    public var intValue: Int? {
        numberValue?.int
    }

    /// The number as the nearest `Double`, nil when this is no number or one out of range.
    public var doubleValue: Double? {
        numberValue?.double
    }

    /// The elements of an array, else nil.
    public var arrayValue: [JSON]? {
        if case .array(let value) = self { return value }
        return nil
    }

    /// The members of an object, else nil.
    public var objectValue: JSONObject? {
        if case .object(let value) = self { return value }
        return nil
    }
}

// MARK: - Members and elements

extension JSON {
    /// The value of a member, nil when this is no object or has no such member.
    ///
    /// Setting a value on anything but an object makes it an object of that one member. Setting nil removes the member.
    public subscript(key: String) -> JSON? {
        get {
            guard case .object(let object) = self else { return nil }
            return object[key]
        }
        _modify {
            guard case .object(var object) = self else {
                var value: JSON?
                defer {
                    if let value { self = .object([key: value]) }
                }
                yield &value
                return
            }
            // Gives up the reference held here, so that the object is changed in place.
            self = .null
            defer { self = .object(object) }
            yield &object[key]
        }
    }

    /// The element at a position, nil when this is no array or the position is outside of it.
    public subscript(index: Int) -> JSON? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }
}

extension JSON: CustomStringConvertible {
    /// The value in the compact style.
    public var description: String {
        text()
    }
}
