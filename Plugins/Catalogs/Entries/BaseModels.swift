import PluginAPI

/// The base models of a LoRA: the list counts, and `base_model` is its one entry for older clients (`spec/catalogs.md` §1).
enum BaseModels {
    /// Turns a `base_model` that came without a list into a list of one; only a `null` of it stays.
    ///
    /// An empty list is one: a row that was read and whose list was emptied still has its `base_model` beside it.
    static let normalise: @Sendable (inout JSONObject) -> Void = { given in
        guard let single = given["base_model"] else { return }
        let list = given["base_models"]
        if list?.arrayValue == nil, !single.isNull {
            given["base_models"] = .array([single])
        } else if list == nil {
            return
        }
        given["base_model"] = nil
    }

    /// Derives `base_model`; a `null` of it alone takes away the model that it stood for.
    static let settle: @Sendable (inout JSONObject, JSONObject) -> Void = { row, given in
        if given.contains("base_model"), row["base_models"]?.arrayValue?.count == 1 { row["base_models"] = .null }
        let models = row["base_models"]?.arrayValue ?? []
        row["base_model"] = models.count == 1 ? models.first ?? .null : .null
    }
}
