internal import PluginAPI

/// An exception as Python would raise it.
struct PythonError: Error, Sendable {
    let type: String
    let message: String

    init(_ type: String, _ message: String) {
        self.type = type
        self.message = message
    }
}

/// The built-in functions of Python that show through in ComfyUI's answers.
enum Python {
    /// `str(value)`.
    static func str(_ value: JSON) -> String {
        value.stringValue ?? repr(value)
    }

    /// `repr(value)`.
    static func repr(_ value: JSON) -> String {
        switch value {
        case .null: "None"
        case .bool(let flag): flag ? "True" : "False"
        case .number(let number): text(of: number)
        case .string(let string): quoted(string)
        case .array(let items): "[" + items.map(repr).joined(separator: ", ") + "]"
        case .object(let object):
            "{" + object.map { quoted($0.key) + ": " + repr($0.value) }.joined(separator: ", ") + "}"
        @unknown default: "None"
        }
    }

    /// `bool(value)`.
    static func truth(_ value: JSON) -> Bool {
        switch value {
        case .null: false
        case .bool(let flag): flag
        case .number(let number): number.double != 0
        case .string(let string): !string.isEmpty
        case .array(let items): !items.isEmpty
        case .object(let object): !object.isEmpty
        @unknown default: false
        }
    }

    /// `type(value).__name__`.
    static func typeName(_ value: JSON) -> String {
        switch value {
        case .null: "NoneType"
        case .bool: "bool"
        case .number(let number): isInteger(number) ? "int" : "float"
        case .string: "str"
        case .array: "list"
        case .object: "dict"
        @unknown default: "object"
        }
    }

    /// Whether a literal is an `int` for Python's JSON module.
    static func isInteger(_ number: JSONNumber) -> Bool {
        number.isFinite && !number.literal.utf8.contains { $0 == 0x2E || $0 == 0x65 || $0 == 0x45 }
    }

    private static func text(of number: JSONNumber) -> String {
        switch number.literal {
        case "NaN": "nan"
        case "Infinity": "inf"
        case "-Infinity": "-inf"
        default: isInteger(number) ? number.literal : number.double?.description ?? "inf"
        }
    }

    private static func quoted(_ string: String) -> String {
        let quote: Character = string.contains("'") && !string.contains("\"") ? "\"" : "'"
        var text = String(quote)
        for character in string.unicodeScalars {
            switch character {
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\\": text += "\\\\"
            case "'" where quote == "'": text += "\\'"
            case _ where character.value < 0x20 || character.value == 0x7F:
                let hex = String(character.value, radix: 16)
                text += "\\x" + (hex.count < 2 ? "0" : "") + hex
            default: text.unicodeScalars.append(character)
            }
        }
        text.append(quote)
        return text
    }
}
