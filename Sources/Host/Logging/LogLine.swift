import PluginAPI

/// One line of the log, as bytes with a line feed.
///
/// Nothing in a message or a fact can start a line of its own or hide one: control and format characters are escaped.
struct LogLine {
    /// Code points of a message or a fact; the rest is cut off.
    static let limit = 8192

    let time: Timestamp
    let level: LogLevel
    let message: String
    let facts: [(String, String)]

    func bytes(_ format: LogFormat) -> [UInt8] {
        switch format {
        case .text: Array(text.utf8)
        case .json: json
        }
    }

    // MARK: - Text

    private var text: String {
        let name = Self.name(of: level)
        // The longest name has seven letters.
        let padding = String(repeating: " ", count: max(0, 7 - name.utf8.count))
        var line = "\(time.iso8601) \(name)\(padding) \(Self.escaped(message, quotes: false))"
        for (index, fact) in facts.enumerated() {
            line += index == 0 ? "  " : " "
            line += "\(Self.key(fact.0))=\(Self.value(fact.1))"
        }
        return line + "\n"
    }

    private static func key(_ key: String) -> String {
        let isPlain = key.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") && $0 != 0x22 }
        return isPlain && !key.isEmpty ? key : "\"\(escaped(key, quotes: true))\""
    }

    private static func value(_ value: String) -> String {
        let text = escaped(value, quotes: true)
        let isPlain = !text.isEmpty && text == value && !text.utf8.contains { $0 == 0x20 || $0 == UInt8(ascii: "=") }
        return isPlain ? text : "\"\(text)\""
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        let isPlain =
            text.utf8.count <= limit && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
        if isPlain { return text }
        var result = String.UnicodeScalarView()
        for (index, scalar) in text.unicodeScalars.enumerated() {
            guard index < limit else {
                result.append("…")
                break
            }
            switch scalar {
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            case "\"" where quotes, "\\" where quotes:
                result.append("\\")
                result.append(scalar)
            case _ where isInvisible(scalar):
                result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// Characters that move the cursor, end a line or change the direction of what follows.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    // MARK: - JSON

    private var json: [UInt8] {
        var object: JSONObject = [
            "time": .string(time.iso8601), "level": .string(Self.name(of: level)),
            "message": .string(Self.cut(message)),
        ]
        for (key, value) in facts {
            let isTaken = ["time", "level", "message"].contains(key)
            object[isTaken ? "fact.\(key)" : key] = .string(Self.cut(value))
        }
        return JSON.object(object).serialized() + [UInt8(ascii: "\n")]
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > limit, text.unicodeScalars.count > limit else { return text }
        return String(text.unicodeScalars.prefix(limit)) + "…"
    }

    static func name(of level: LogLevel) -> String {
        switch level {
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        @unknown default: "notice"
        }
    }
}
