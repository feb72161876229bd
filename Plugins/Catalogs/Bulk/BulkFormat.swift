import PluginAPI

/// The forms in which the rows of a catalog come.
enum BulkFormat: String, Sendable, CaseIterable {
    /// One JSON object a line.
    case jsonLines = "jsonl"
    /// Comma-separated values with a header line.
    case csv
    /// One of ComfyUI-Manager's lists.
    case manager = "comfyui-manager"

    /// The form that a media type names; `nil` when it could be anything.
    init?(contentType: String?) {
        guard let contentType else { return nil }
        switch HeaderParameters(contentType).value.lowercased() {
        case "application/jsonl", "application/x-jsonlines", "application/x-ndjson", "application/ndjson":
            self = .jsonLines
        case "text/csv": self = .csv
        default: return nil
        }
    }

    /// What happens to rows that are there, unless the caller says it.
    var existing: CatalogWriter.Existing {
        switch self {
        case .jsonLines, .csv: .update
        case .manager: .fill
        }
    }

    /// What `line` counts in a report.
    var unit: String { self == .manager ? "entry" : "line" }

    /// What reads it.
    func reader(_ kind: CatalogKind) -> any ImportReader {
        switch self {
        case .jsonLines: JSONLinesReader(kind)
        case .csv: CSVReader(kind)
        case .manager: ManagerReader(kind)
        }
    }
}
