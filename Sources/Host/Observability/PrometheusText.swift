/// Writes the Prometheus text exposition format, version 0.0.4.
struct PrometheusText {
    private(set) var text = ""

    /// Starts a metric.
    mutating func head(_ name: String, _ type: String, _ help: String) {
        if !help.isEmpty { text += "# HELP \(name) \(Self.escape(help, quotes: false))\n" }
        text += "# TYPE \(name) \(type)\n"
    }

    /// Writes one number.
    mutating func sample(_ name: String, _ labels: [String], _ values: [String], _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{"
            for (place, (label, value)) in zip(labels, values).enumerated() {
                text += "\(place == 0 ? "" : ",")\(label)=\"\(Self.escape(value, quotes: true))\""
            }
            text += "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// A number as Prometheus (Go's `ParseFloat`) reads it; whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value.magnitude < 9_007_199_254_740_992, let whole = Int64(exactly: value) { return String(whole) }
        return value.description
    }

    private static func escape(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || (quotes && $0 == 0x22) }) else { return text }
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
