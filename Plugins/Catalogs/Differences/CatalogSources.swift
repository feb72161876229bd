import PluginAPI

/// What the catalogs know of things that servers lack: how they are called for people, and where they come from.
struct CatalogSources: Sendable {
    /// What a catalog's row says.
    struct Source: Sendable, Equatable {
        /// Its name for people.
        var displayName: String?
        /// Where it is described.
        var sourceURL: String?
        /// Where it is loaded from.
        var downloadURL: String?
    }

    private var sources: [String: [NameKey: Source]] = [:]

    /// Knows nothing.
    init() {}

    /// What is known of a name; `nil` when no catalog has it.
    subscript(kind: String, name: String) -> Source? {
        get { sources[kind]?[NameKey(name, kind)] }
        set { sources[kind, default: [:]][NameKey(name, kind)] = newValue }
    }

    /// Looks up what differences name, each name once.
    ///
    /// - Throws: ``DatabaseError``.
    init(for differences: [ServerDifference], _ connection: any SQLConnection) throws {
        var wanted: [String: [NameKey: String]] = [:]
        for part in differences.flatMap(\.parts) {
            for name in part.missing { wanted[part.kind, default: [:]][NameKey(name, part.kind)] = name }
        }
        let types = try connection.all("SELECT DISTINCT model_type FROM catalogs_models") { row -> String in
            try row.get("model_type")
        }
        for (kind, names) in wanted {
            if kind == ServerDifference.nodes {
                try read("catalogs_plugins", key: "node_key", kind, Array(names.values), connection)
                continue
            }
            let spellings = names.values.flatMap(Self.spellings)
            // The library of LoRAs has no addresses; the model catalog may know more, and what is read last counts.
            if kind == "lora" { try read("catalogs_loras", key: "file_name", kind, spellings, connection) }
            for word in Self.types(of: kind).reversed() {
                for type in types where type.lowercased() == word {
                    try read("catalogs_models", key: "file_name", kind, spellings, connection, type: type)
                }
            }
        }
    }

    private mutating func read(
        _ table: String, key: String, _ kind: String, _ names: [String], _ connection: any SQLConnection,
        type: String? = nil
    ) throws {
        let addresses: SQL =
            table == "catalogs_loras" ? "NULL AS source_url, NULL AS download_url" : "source_url, download_url"
        var query: SQL = "SELECT \(identifier: key), display_name, \(addresses) FROM \(identifier: table) WHERE "
        if let type { query = query + "model_type = \(type) AND " }
        for start in stride(from: 0, to: names.count, by: Self.namesPerQuery) {
            let some = names[start..<min(start + Self.namesPerQuery, names.count)]
            try connection.forEach(query + "\(identifier: key) IN (\(SQL.list(Array(some))))") { row in
                self[kind, try row.get(key)] = Source(
                    displayName: try row.get("display_name"),
                    sourceURL: try row.optional("source_url", as: String.self),
                    downloadURL: try row.optional("download_url", as: String.self))
            }
        }
    }

    /// How many names one statement asks for; engines have a limit of bound values.
    private static let namesPerQuery = 500

    /// How a catalog may have written a file's name.
    private static func spellings(_ name: String) -> [String] {
        guard name.contains(where: { $0 == "/" || $0 == "\\" }) else { return [name] }
        return ["/", "\\"].map { folder in String(name.map { $0 == "/" || $0 == "\\" ? folder : $0 }) }
    }

    /// The `model_type`s that mean a kind of files, the nearest first, in lower case; it is a free text in the catalog.
    private static func types(of kind: String) -> [String] {
        let single = kind.hasSuffix("s") ? [String(kind.dropLast())] : [kind + "s"]
        return [kind] + single + (otherTypes[kind] ?? [])
    }

    private static let otherTypes: [String: [String]] = [
        "unet": ["diffusion_models", "diffusion_model", "unet_gguf"], "unet_gguf": ["unet", "diffusion_models"],
        "clip": ["text_encoders", "text_encoder"], "text_encoders": ["clip"], "clip_gguf": ["clip", "text_encoders"],
        "upscale_models": ["upscale", "upscaler"], "style_models": ["t2i-style"], "controlnet": ["t2i-adapter"],
        "vae": ["vae_approx"],
    ]
}
