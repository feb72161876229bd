import PluginAPI

/// The forms in which the rows of a catalog go.
enum ExportFormat: String, Sendable, CaseIterable {
    /// One JSON object a line.
    case jsonLines = "jsonl"
    /// Comma-separated values with a header line.
    case csv

    /// Its media type, without parameters.
    var mediaType: String {
        switch self {
        case .jsonLines: "application/jsonl"
        case .csv: "text/csv"
        }
    }

    /// What is before the first row.
    func head(_ kind: CatalogKind) -> [UInt8] {
        switch self {
        case .jsonLines: []
        case .csv: Array((Self.names(kind).joined(separator: ",") + "\r\n").utf8)
        }
    }

    /// Appends a row.
    func write(_ entry: CatalogEntry, _ kind: CatalogKind, to bytes: inout [UInt8]) {
        let values = entry.json
        switch self {
        case .jsonLines:
            JSON.object(values).write(to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        case .csv:
            for (place, name) in Self.names(kind).enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                CSVCell.write(values[name] ?? .null, to: &bytes)
            }
            bytes += Array("\r\n".utf8)
        }
    }

    private static func names(_ kind: CatalogKind) -> [String] {
        ["id"] + kind.columns.map(\.name) + ["created_at", "updated_at"]
    }
}
