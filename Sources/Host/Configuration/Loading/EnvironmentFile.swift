/// The variables of a `.env` file.
///
/// A line is `NAME=VALUE`, `export` may stand before it. Values in single quotes are taken as they are, in double
/// quotes `\n`, `\t`, `\r`, `\"`, `\\` and `\$` are escapes. Without quotes a value ends at ` #`, where a comment
/// starts. Nothing is replaced inside values; of a name given twice the last value counts.
package struct EnvironmentFile: Sendable {
    /// A line that is no assignment.
    package struct Problem: Sendable, Equatable {
        /// The line, from 1.
        package let line: Int
        /// What is wrong.
        package let message: String
    }

    /// Its name, beside the configuration file.
    package static let name = ".env"

    /// The values by name.
    package private(set) var values: [String: String] = [:]
    /// The line of each name.
    package private(set) var lines: [String: Int] = [:]
    /// What is wrong, in the order of the file.
    package private(set) var problems: [Problem] = []

    /// Reads nothing.
    package init() {}

    /// Reads a file's text.
    package init(_ text: String) {
        // Some editors put a byte order mark at the start.
        let text = String(String.UnicodeScalarView(text.unicodeScalars.drop { $0 == "\u{FEFF}" }))
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (index, line) in lines.enumerated() {
            let line = Self.trimmed(line)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            do throws(Malformed) {
                let (name, value) = try Self.assignment(line)
                values[name] = value
                self.lines[name] = index + 1
            } catch {
                problems.append(Problem(line: index + 1, message: error.message))
            }
        }
    }

    private struct Malformed: Error {
        let message: String
    }

    private static func assignment(_ line: Substring) throws(Malformed) -> (String, String) {
        var line = line
        if line.hasPrefix("export "), !line.hasPrefix("export =") {
            line = trimmed(line.dropFirst("export ".count))
        }
        guard let equals = line.firstIndex(of: "=") else { throw Malformed(message: "expected NAME=VALUE") }
        let name = trimmed(line[..<equals])
        guard isName(name) else { throw Malformed(message: "\"\(name)\" is not the name of a variable") }
        return (String(name), try value(trimmed(line[line.index(after: equals)...])))
    }

    private static func value(_ text: Substring) throws(Malformed) -> String {
        if text.hasPrefix("\"") || text.hasPrefix("'") { return try quoted(text) }
        var end = text.startIndex
        var previous: Character = " "
        while end < text.endIndex {
            if text[end] == "#", isBlank(previous) { break }
            previous = text[end]
            end = text.index(after: end)
        }
        return String(trimmed(text[..<end]))
    }

    private static func quoted(_ text: Substring) throws(Malformed) -> String {
        let quote = text.first
        var result = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == quote {
                let after = trimmed(rest)
                guard after.isEmpty || after.hasPrefix("#") else {
                    throw Malformed(message: "text after the closing quote")
                }
                return result
            }
            guard character == "\\", quote == "\"", let escaped = rest.popFirst() else {
                result.append(character)
                continue
            }
            switch escaped {
            case "n": result.append("\n")
            case "t": result.append("\t")
            case "r": result.append("\r")
            case "\"", "\\", "$": result.append(escaped)
            default: result += "\\\(escaped)"
            }
        }
        throw Malformed(message: "the quote is not closed on this line")
    }

    private static func isName(_ name: Substring) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    private static func isBlank(_ character: Character) -> Bool {
        character == " " || character == "\t"
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
