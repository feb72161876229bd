internal import PluginAPI

/// All node classes of the server, and the choices their inputs offer at this moment.
struct NodeCatalog: Sendable {
    private static let all = imageNodes + samplingNodes + loaderNodes + valueNodes + labNodes
    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// The settings that name the models.
    let settings: SimulatorConfiguration
    let folders: Folders

    subscript(name: String) -> NodeType? {
        if settings.hiddenNodes.contains(name) { return nil }
        if let type = Self.byName[name] { return type }
        return settings.extraNodes.contains(name) ? Self.custom(name) : nil
    }

    /// The words an input accepts; empty for inputs that take anything else.
    func choices(for input: NodeInput) -> [String] {
        switch input.type {
        case .named: []
        case .choice(let words): words
        case .model(let folder): settings.models(in: folder)
        case .inputImage: folders.images(in: .input)
        }
    }

    /// The entry of one class.
    func info(_ type: NodeType) -> JSON {
        type.info(choices: choices)
    }

    /// The whole of `/object_info`.
    var info: JSON {
        let names = Self.all.map(\.name) + settings.extraNodes
        return .object(JSONObject(names.compactMap { name in self[name].map { (name, info($0)) } }))
    }

    /// A class that an installed custom node would bring; it takes nothing and gives one value.
    private static func custom(_ name: String) -> NodeType {
        NodeType(
            name, category: "custom", work: .opaque, module: "custom_nodes.simulated", outputs: [NodeOutput("*")],
            inputs: [])
    }
}
