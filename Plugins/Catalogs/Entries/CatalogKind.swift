import PluginAPI

/// One of the catalogs: its fields, what makes a row unique, and what can be asked for (`spec/catalogs.md` §1–4).
struct CatalogKind: Sendable {
    /// Its name in paths, in the audit table and in exports, such as `model-catalog`.
    let name: String
    /// What a row is, for people.
    let noun: String
    /// Its table.
    let table: String
    /// The fields in the order in which they are shown.
    let columns: [CatalogColumn]
    /// The fields that together are unique.
    let key: [String]
    /// The fields that `q` looks into.
    let searched: [String]
    /// The fields that a query parameter compares, by the parameter's name.
    let filters: [(parameter: String, column: String)]
    /// Makes the fields that were given agree with each other.
    var normalise: @Sendable (_ given: inout JSONObject) -> Void = { _ in }
    /// Makes a row agree with itself after fields were put into it.
    var settle: @Sendable (_ row: inout JSONObject, _ given: JSONObject) -> Void = { _, _ in }

    /// The field of that name.
    subscript(_ name: String) -> CatalogColumn? { columns.first { $0.name == name } }

    /// All catalogs.
    static let all = [loras, models, plugins, versions]

    /// LoRAs, by file name.
    static let loras = CatalogKind(
        name: "loras", noun: "LoRA", table: "catalogs_loras",
        columns: [
            CatalogColumn(name: "file_name", kind: .text(256), isRequired: true, isImmutable: true),
            CatalogColumn(name: "display_name", kind: .text(128), isRequired: true),
            CatalogColumn(name: "description", kind: .text(longestText)),
            CatalogColumn(name: "base_model", kind: .text(256)), CatalogColumn(name: "base_models", kind: .words),
            CatalogColumn(name: "tags", kind: .words), CatalogColumn(name: "trigger_words", kind: .words), status,
        ],
        key: ["file_name"], searched: ["file_name", "display_name"], filters: [("status", "status")],
        normalise: BaseModels.normalise, settle: BaseModels.settle)

    /// Models, by kind and file name.
    static let models = CatalogKind(
        name: "model-catalog", noun: "model", table: "catalogs_models",
        columns: [
            CatalogColumn(name: "file_name", kind: .text(256), isRequired: true),
            CatalogColumn(name: "display_name", kind: .text(128), isRequired: true),
            CatalogColumn(name: "model_type", kind: .text(64), isRequired: true),
            CatalogColumn(name: "description", kind: .text(longestText)), sourceURL, downloadURL,
            CatalogColumn(name: "tags", kind: .words), status,
        ],
        key: ["model_type", "file_name"], searched: ["file_name", "display_name"],
        filters: [("type", "model_type"), ("status", "status")])

    /// Node classes, by the name that `/object_info` has.
    static let plugins = CatalogKind(
        name: "plugin-catalog", noun: "node class", table: "catalogs_plugins",
        columns: [
            CatalogColumn(name: "node_key", kind: .text(128), isRequired: true),
            CatalogColumn(name: "display_name", kind: .text(128), isRequired: true),
            CatalogColumn(name: "package_name", kind: .text(128)), CatalogColumn(name: "version", kind: .text(64)),
            CatalogColumn(name: "description", kind: .text(longestText)), sourceURL, downloadURL,
            CatalogColumn(name: "tags", kind: .words), status,
        ],
        key: ["node_key"], searched: ["node_key", "display_name", "package_name"], filters: [("status", "status")])

    /// Versions of ComfyUI, by tag or commit.
    static let versions = CatalogKind(
        name: "version-catalog", noun: "version", table: "catalogs_versions",
        columns: [
            CatalogColumn(name: "version", kind: .text(64), isRequired: true, isImmutable: true),
            CatalogColumn(name: "commit_sha", kind: .text(64)), CatalogColumn(name: "repo_url", kind: .url(longestURL)),
            sourceURL, downloadURL, CatalogColumn(name: "released_at", kind: .moment),
            CatalogColumn(name: "notes", kind: .text(longestText)), status,
        ],
        key: ["version"], searched: ["version", "commit_sha", "repo_url"], filters: [("status", "status")])

    private static let longestText = 20_000
    private static let longestURL = 1024
    private static let status = CatalogColumn(name: "status", kind: .text(32), initial: "active")
    private static let sourceURL = CatalogColumn(name: "source_url", kind: .url(longestURL))
    private static let downloadURL = CatalogColumn(name: "download_url", kind: .url(longestURL))
}
