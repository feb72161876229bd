import PluginAPI

/// Fields of a catalog as cells of CSV.
enum CSVCell {
    // Bytes, because a combining mark at the beginning of a word would make one character with what is before it.
    private static let separator = UInt8(ascii: ";")
    private static let bracket = UInt8(ascii: "[")

    /// The value that a cell stands for; a list that begins with `[` must be JSON.
    static func value(_ text: String, _ column: CatalogColumn) -> JSON {
        if text.isEmpty { return column.isRequired ? .string("") : .null }
        guard column.kind == .words else { return .string(text) }
        // What is no JSON after all stays a text, which is refused as a list.
        if text.utf8.first == bracket { return (try? JSON(parsing: Array(text.utf8))) ?? .string(text) }
        return .array(text.utf8.split(separator: separator).map { .string(String(Substring($0))) })
    }

    /// Appends the cell of a value.
    static func write(_ value: JSON, to bytes: inout [UInt8]) {
        if let words = value.arrayValue {
            let texts = words.map { $0.stringValue ?? "" }
            let isPlain = !texts.contains { $0.utf8.contains(separator) } && texts.first?.utf8.first != bracket
            write(isPlain ? texts.joined(separator: ";") : value.text(), to: &bytes)
        } else if let text = value.stringValue {
            write(text, to: &bytes)
        } else if !value.isNull {
            write(value.text(), to: &bytes)
        }
    }

    /// Appends a text, in quotes where it needs them.
    static func write(_ text: String, to bytes: inout [UInt8]) {
        guard text.utf8.contains(where: { special.contains($0) }) else {
            bytes += Array(text.utf8)
            return
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static let special: [UInt8] = Array("\",\r\n".utf8)
}
