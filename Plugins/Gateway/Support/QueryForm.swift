import PluginAPI

/// Reads query parameters and collects what is wrong with them, in the words that FastAPI uses.
struct QueryForm {
    private let query: QueryItems
    private var problems: [JSON] = []

    /// Reads a query.
    init(_ query: QueryItems) {
        self.query = query
    }

    /// Throws if anything was wrong.
    ///
    /// - Throws: ``HTTPError`` 422 with the list of problems.
    func finish() throws {
        guard problems.isEmpty else { throw Form.refusal(problems) }
    }

    /// The values of a parameter that may be repeated, or be a list with commas.
    func list(_ name: String) -> [String] {
        query.values(for: name).flatMap { $0.split(separator: ",").map(String.init) }
    }

    /// A text; an empty one counts as absent.
    func text(_ name: String) -> String? {
        query[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// An integer in a range.
    mutating func integer(_ name: String, in range: ClosedRange<Int> = .min ... .max) -> Int? {
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
    mutating func moment(_ name: String) -> Timestamp? {
        guard let text = text(name) else { return nil }
        if let milliseconds = Int64(text) { return Timestamp(milliseconds: milliseconds) }
        if let moment = Timestamp(iso8601: text) { return moment }
        report("datetime_parsing", name, "Input should be a date and time of ISO 8601, or milliseconds since 1970")
        return nil
    }

    /// Adds a problem with a parameter's value.
    mutating func report(_ type: String, _ name: String, _ words: String) {
        let given = query.values(for: name).joined(separator: ",")
        problems.append(Form.problem(type, ["query", .string(name)], words, .string(given)))
    }
}
