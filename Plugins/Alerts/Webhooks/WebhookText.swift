import PluginAPI

/// Alerts in words for people, who must not be misled by what an agent writes.
enum WebhookText {
    /// The longest text in bytes: WeCom takes 2048.
    static let longest = 2000
    /// The most bytes that count as one character: more are marks heaped upon it.
    private static let longestCharacter = 64

    /// One line for each alert, and one for those that were left out; all together no longer than ``longest``.
    static func text(of alerts: [Alert], leftOut: Int) -> String {
        let summary = leftOut > 0 ? ["[comfyd] alerts that were left out: \(leftOut)"] : []
        let room = (longest - (summary.first?.utf8.count ?? 0)) / max(1, alerts.count) - 1
        return (alerts.map { line(of: $0).cut(toBytes: room) } + summary).joined(separator: "\n")
    }

    private static func line(of alert: Alert) -> String {
        let repeats = alert.count > 1 ? " (×\(alert.count))" : ""
        let words = plain("\(alert.agentID): \(alert.type): \(alert.message)")
        return "[comfyd] \(alert.lastAt.iso8601)\(repeats) \(words)"
    }

    /// The text in one line, without characters that hide or turn around others.
    private static func plain(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for character in text {
            var size = 0
            for scalar in (character.isNewline ? " " : character).unicodeScalars {
                size += UTF8.width(scalar)
                guard size <= longestCharacter else { break }
                result.append(misleads(scalar) ? " " : scalar)
            }
        }
        return String(result)
    }

    private static func misleads(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Marks, embeddings and isolates of the direction of writing (Unicode, UAX #9).
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: scalar.properties.generalCategory == .control
        }
    }

    /// The text with the three characters escaped that begin Slack's links and calls, and without `@` that calls a channel elsewhere.
    static func escapedForSlack(_ text: String) -> String {
        // Not by characters: a mark behind `<` would make another character of it.
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "@": result += "@\u{200B}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}

extension String {
    /// The beginning of the text, at most so many bytes of UTF-8 and never half a character.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var size = "…".utf8.count
        let start = prefix { letter in
            size += letter.utf8.count
            return size <= limit
        }
        return start + "…"
    }
}
