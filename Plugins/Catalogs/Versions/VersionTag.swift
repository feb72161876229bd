import PluginAPI

/// A tag as GitHub's `GET /repos/{owner}/{repo}/tags` lists it.
struct VersionTag: Sendable {
    /// The fields of a version that it gives; status and notes are none of them.
    let fields: CatalogFields

    /// Reads an item of the list; `nil` when it has no name, or one that cannot be a version's.
    init?(_ item: JSON, of repository: VersionRepository) {
        guard let name = item["name"]?.stringValue, Self.fits(name, "version"), name == name.trimmed else { return nil }
        let path = name.split(separator: "/", omittingEmptySubsequences: false).map(PercentEncoding.encode)
        let candidates: [(column: String, text: String?)] = [
            ("commit_sha", item["commit"]?["sha"]?.stringValue), ("repo_url", repository.url),
            ("source_url", "\(repository.url)/tree/\(path.joined(separator: "/"))"),
            ("download_url", item["zipball_url"]?.stringValue),
        ]
        var values: JSONObject = ["version": .string(name)]
        for (column, text) in candidates {
            // An empty field is better than one that the catalog's own routes would refuse.
            if let text, Self.fits(text, column) { values[column] = .string(text) }
        }
        fields = CatalogFields(.versions, trusted: values)
    }

    /// Whether a text may be in a column.
    private static func fits(_ text: String, _ column: String) -> Bool {
        guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            return false
        }
        switch CatalogKind.versions[column]?.kind {
        case .text(let longest)?: return text.unicodeScalars.count <= longest
        case .url(let longest)?: return text.unicodeScalars.count <= longest && CatalogURL.problem(text) == nil
        case .words?, .moment?, nil: return false
        }
    }
}
