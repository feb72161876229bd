extension Timestamp {
    /// Reads a moment of ISO 8601 as RFC 3339 has it, in years 1 to 9999; without an offset it is UTC.
    ///
    /// The time, its seconds and their fraction may be absent. A space counts as the `+` of an offset, because that is
    /// what an unescaped `+` of a query becomes; instead of `T` too.
    public init?(iso8601 text: String) {
        var rest = text.utf8[...]
        guard text.utf8.count <= 40, let year = rest.digits(4), rest.take("-"), let month = rest.digits(2),
            rest.take("-"), let day = rest.digits(2), (1...9999).contains(year), (1...12).contains(month),
            (1...Self.days(in: month, of: year)).contains(day)
        else { return nil }
        var milliseconds = Int64(Self.days(year, month, day)) * 86_400_000
        if !rest.isEmpty {
            guard rest.take("T") || rest.take("t") || rest.take(" "), let time = rest.timeOfDay(),
                let offset = rest.offset(), rest.isEmpty
            else { return nil }
            milliseconds += Int64(time - offset)
        }
        self.init(milliseconds: milliseconds)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since the epoch, by Howard Hinnant's "chrono-compatible date algorithms".
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Substring.UTF8View {
    /// Takes a number of so many digits.
    fileprivate mutating func digits(_ count: Int) -> Int? {
        let digits = prefix(count)
        guard digits.count == count, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        self = dropFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    /// Takes a character if it is next.
    fileprivate mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard first == UInt8(ascii: character) else { return false }
        self = dropFirst()
        return true
    }

    /// Takes a time, in milliseconds of the day.
    fileprivate mutating func timeOfDay() -> Int? {
        guard let hour = digits(2), take(":"), let minute = digits(2), hour < 24, minute < 60 else { return nil }
        var milliseconds = (hour * 60 + minute) * 60_000
        guard take(":") else { return milliseconds }
        // A leap second is the one before it, as on most clocks.
        guard let second = digits(2), second <= 60 else { return nil }
        milliseconds += Swift.min(second, 59) * 1000
        guard take(".") else { return milliseconds }
        let fraction = prefix { (48...57).contains($0) }
        guard !fraction.isEmpty else { return nil }
        self = dropFirst(fraction.count)
        return fraction.prefix(3).reduce((milliseconds, 100)) { ($0.0 + Int($1 - 48) * $0.1, $0.1 / 10) }.0
    }

    /// Takes an offset from UTC in milliseconds; none is 0.
    fileprivate mutating func offset() -> Int? {
        if isEmpty || take("Z") || take("z") { return 0 }
        let isWest = take("-")
        guard isWest || take("+") || take(" "), let hours = digits(2) else { return nil }
        _ = take(":")
        guard let minutes = isEmpty ? 0 : digits(2), hours < 24, minutes < 60 else { return nil }
        return (hours * 60 + minutes) * 60_000 * (isWest ? -1 : 1)
    }
}
