/// Reads query parameters and collects what is wrong with them, in the words that FastAPI uses.
public struct QueryForm: Sendable {
    private let query: QueryItems
    private var problems: [JSON] = []

    /// Reads a query.
    public init(_ query: QueryItems) {
        self.query = query
    }

    /// Throws if anything was wrong.
    ///
    /// - Throws: ``HTTPError`` 422 with the list of problems.
    public func finish() throws {
        guard problems.isEmpty else { throw BodyForm.refusal(problems) }
    }

    /// The values of a parameter that may be repeated, or be a list with commas.
    public func list(_ name: String) -> [String] {
        query.values(for: name).flatMap { $0.split(separator: ",").map(String.init) }
    }

    /// A text; an empty one counts as absent.
    public func text(_ name: String) -> String? {
        query[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A truth value in the words that FastAPI takes.
    public mutating func flag(_ name: String) -> Bool? {
        guard let text = text(name) else { return nil }
        switch text.lowercased() {
        case "true", "1", "yes", "on", "t", "y": return true
        case "false", "0", "no", "off", "f", "n": return false
        default:
            report("bool_parsing", name, "Input should be a valid boolean, unable to interpret input")
            return nil
        }
    }

    /// A text that must be there and not be empty.
    public mutating func required(_ name: String) -> String {
        if let text = text(name) { return text }
        report("missing", name, "Field required")
        return ""
    }

    /// One of some words.
    public mutating func choice<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _: Word.Type = Word.self
    ) -> Word? {
        guard let text = text(name) else { return nil }
        if let word = Word(rawValue: text) { return word }
        report("enum", name, "Input should be " + Word.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "))
        return nil
    }

    /// An integer in a range.
    public mutating func integer(_ name: String, in range: ClosedRange<Int> = .min ... .max) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(text) else {
            report("int_parsing", name, "Input should be a valid integer, unable to parse string as an integer")
            return nil
        }
        if number < range.lowerBound {
            report("greater_than_equal", name, "Input should be greater than or equal to \(range.lowerBound)")
        } else if number > range.upperBound {
            report("less_than_equal", name, "Input should be less than or equal to \(range.upperBound)")
        }
        return number
    }

    /// A moment: RFC 3339, or milliseconds since 1970.
    public mutating func moment(_ name: String) -> Timestamp? {
        guard let text = text(name) else { return nil }
        if let milliseconds = Int64(text) { return Timestamp(milliseconds: milliseconds) }
        if let moment = Timestamp(iso8601: text) { return moment }
        report("datetime_parsing", name, "Input should be a date and time of ISO 8601, or milliseconds since 1970")
        return nil
    }

    /// Adds a problem with a parameter's value.
    public mutating func report(_ type: String, _ name: String, _ words: String) {
        let given = query.values(for: name).joined(separator: ",")
        problems.append(BodyForm.problem(type, ["query", .string(name)], words, .string(given)))
    }
}
