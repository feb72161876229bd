import PluginAPI

/// The name of a workflow: letters, digits, `_`, `-`, `.` and space; no leading dot, no `..` (`spec/workflows.md` A3).
///
/// Such a name is one path component wherever it is used.
struct WorkflowName: Sendable {
    /// The name.
    let text: String

    /// The longest name in bytes; with its ending it fits into a file's name, which has 255.
    static let longest = 200
    /// The ending of the files.
    static let ending = ".json"

    /// Takes a name; `nil` when it cannot be one.
    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= Self.longest, !text.utf8.starts(with: ".".utf8),
            !Self.hasTwoDots(text), text.unicodeScalars.allSatisfy(Self.isAllowed)
        else { return nil }
        self.text = text
    }

    /// Takes the name of a file; `nil` when it is none of a workflow.
    init?(file: String) {
        let bytes = file.utf8
        guard bytes.count > Self.ending.utf8.count, bytes.suffix(Self.ending.utf8.count).elementsEqual(Self.ending.utf8)
        else { return nil }
        self.init(String(Substring(bytes.dropLast(Self.ending.utf8.count))))
    }

    /// The name of its file.
    var file: String { text + Self.ending }

    private static func hasTwoDots(_ text: String) -> Bool {
        zip(text.utf8, text.utf8.dropFirst()).contains { $0 == UInt8(ascii: ".") && $1 == UInt8(ascii: ".") }
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        if "_-. ".unicodeScalars.contains(scalar) { return true }
        switch scalar.properties.generalCategory {
        // Marks too: in a decomposed name an umlaut is a letter and a mark.
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .nonspacingMark, .spacingMark:
            return true
        default: return false
        }
    }
}

extension WorkflowName: PathParameter {
    /// Takes a decoded segment; anything that is no name is answered with 404.
    init?(pathComponent: String) { self.init(pathComponent) }
    /// A text.
    static var schema: JSON { ["type": "string", "minLength": 1, "maxLength": .number(JSONNumber(longest))] }
}
