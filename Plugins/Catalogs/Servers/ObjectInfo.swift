import PluginAPI

/// Reads ComfyUI's `/object_info`: what nodes a server has, and which files their loaders offer.
enum ObjectInfo {
    /// Walks over an answer; only the nodes that load files become values, because answers have several megabytes.
    ///
    /// - Throws: `JSONParseError` when it is no JSON object.
    static func inventory(_ bytes: [UInt8]) throws -> ServerInventory {
        try bytes.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes, options: options)
            var loaders: [String: JSON] = [:]
            var keys: Set<String> = []
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                let place = try scanner.skip()
                keys.insert(key)
                guard ModelKind.nodes.contains(key) else { continue }
                loaders[key] = try JSON(parsing: Array(bytes[place]), options: options)
            }
            try scanner.end()
            return ServerInventory(models: models(loaders), nodeKeys: keys.sorted())
        }
    }

    /// Python writes `NaN` where JSON has no word for it.
    private static let options = JSONParseOptions(allowsNonFiniteNumbers: true)

    private static func models(_ loaders: [String: JSON]) -> [String: [String]] {
        var models: [String: [String]] = [:]
        for kind in ModelKind.all {
            var seen: Set<String> = []
            models[kind.name] = kind.loaders.flatMap { choices(loaders[$0.node], $0.input) }
                .filter { seen.insert($0).inserted }
        }
        return models
    }

    /// The choices of a node's input in either spelling: `[["a", "b"], {…}]`, or `["COMBO", {"options": ["a", "b"]}]`.
    private static func choices(_ node: JSON?, _ input: String) -> [String] {
        let inputs = node?["input"]
        guard let spec = inputs?["required"]?[input] ?? inputs?["optional"]?[input] else { return [] }
        let list = spec[0]?.arrayValue ?? (spec[0] == "COMBO" ? spec[1]?["options"]?.arrayValue : nil)
        return (list ?? []).compactMap(\.stringValue)
    }
}
