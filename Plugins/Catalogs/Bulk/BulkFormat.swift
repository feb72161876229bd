import PluginAPI

/// The forms in which the rows of a catalog come.
enum BulkFormat: String, Sendable, CaseIterable {
    /// One JSON object a line.
    case jsonLines = "jsonl"

    /// The form that a media type names; `nil` when it could be anything.
    init?(contentType: String?) {
        guard let contentType else { return nil }
        switch HeaderParameters(contentType).value.lowercased() {
        case "application/jsonl", "application/x-jsonlines", "application/x-ndjson", "application/ndjson":
            self = .jsonLines
        default: return nil
        }
    }
}

/// The forms in which the rows of a catalog go.
enum ExportFormat: String, Sendable, CaseIterable {
    /// One JSON object a line.
    case jsonLines = "jsonl"

    /// Its media type, without parameters.
    var mediaType: String {
        switch self {
        case .jsonLines: "application/jsonl"
        }
    }
}
