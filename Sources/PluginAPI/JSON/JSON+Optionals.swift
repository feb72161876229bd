extension JSON {
    /// A string, or null.
    public init(_ text: String?) {
        self = text.map { .string($0) } ?? .null
    }

    /// A number, or null.
    public init(_ number: Int?) {
        self = number.map { .number(JSONNumber($0)) } ?? .null
    }

    /// A number, such as that of a row, or null.
    public init(_ number: Int64?) {
        self.init(number.map { Int($0) })
    }

    /// A moment in the form of ``Timestamp/iso8601``, or null.
    public init(_ moment: Timestamp?) {
        self.init(moment?.iso8601)
    }

    /// An object, or null.
    public init(_ object: JSONObject?) {
        self = object.map { .object($0) } ?? .null
    }
}
