internal import PluginAPI

/// A node class as `/object_info` describes it, and what it does here.
struct NodeType: Sendable {
    var name: String
    var displayName: String
    var description: String
    /// Where the class comes from, such as `nodes`.
    var module: String
    var category: String
    let inputs: [NodeInput]
    var outputs: [NodeOutput]
    var isOutput: Bool
    /// Whether it is declared in ComfyUI's newer style, which prints more fields.
    var isV3: Bool
    var work: NodeWork
    /// What is shown instead of the outputs' own tooltips.
    var inheritedTooltips: [String] = []
    /// The inputs a prompt gives; hidden ones come from the server.
    let visibleInputs: [NodeInput]
    /// Whether the node learns its own id, which keeps equal nodes apart in the cache.
    let knowsItsID: Bool
    /// The input that names a file of the input folder.
    let imageInput: String?

    init(
        _ name: String, _ displayName: String? = nil, category: String, work: NodeWork, _ description: String = "",
        module: String = "nodes", isOutput: Bool = false, isV3: Bool = false, outputs: [NodeOutput] = [],
        inputs: [NodeInput]
    ) {
        self.name = name
        self.displayName = displayName ?? name
        self.description = description
        self.module = module
        self.category = category
        self.inputs = inputs
        self.outputs = outputs
        self.isOutput = isOutput
        self.isV3 = isV3
        self.work = work
        visibleInputs = inputs.filter { $0.group != .hidden }
        knowsItsID = inputs.contains { $0.group == .hidden && $0.type == .named("UNIQUE_ID") }
        imageInput = inputs.first { $0.type == .inputImage }?.name
    }

    /// The node's entry of `/object_info`; choices come from the closure.
    func info(choices: (NodeInput) -> [String]) -> JSON {
        var input = JSONObject()
        var order = JSONObject()
        for group in NodeInput.Group.allCases {
            let members = inputs.filter { $0.group == group }
            // The newer style knows no empty groups; the older one always shows the required ones.
            if members.isEmpty, group != .required || isV3 { continue }
            input[group.rawValue] = .object(JSONObject(members.map { ($0.name, $0.info(choices: choices($0))) }))
            order[group.rawValue] = .strings(members.map(\.name))
        }
        let tooltips = JSON.array(
            inheritedTooltips.isEmpty
                ? outputs.map { $0.tooltip.map { .string($0) } ?? .null } : inheritedTooltips.map { .string($0) })
        var info: JSONObject = [
            "input": .object(input), "input_order": .object(order), "output": .strings(outputs.map(\.type)),
            "output_is_list": .array(outputs.map { _ in false }), "output_name": .strings(outputs.map(\.name)),
        ]
        if isV3 { info["output_tooltips"] = tooltips }
        info["name"] = .string(name)
        info["display_name"] = .string(displayName)
        info["description"] = .string(description)
        info["python_module"] = .string(module)
        info["category"] = .string(category)
        info["output_node"] = .bool(isOutput)
        if isV3 {
            for flag in ["deprecated", "experimental", "api_node"] { info[flag] = false }
        } else if outputs.contains(where: { $0.tooltip != nil }) {
            info["output_tooltips"] = tooltips
        }
        return .object(info)
    }
}

/// An output slot of a node class.
struct NodeOutput: Sendable {
    var type: String
    var name: String
    var tooltip: String?

    init(_ type: String, name: String? = nil, _ tooltip: String? = nil) {
        self.type = type
        self.name = name ?? type
        self.tooltip = tooltip
    }
}

/// What a node does when it runs.
enum NodeWork: Sendable, Equatable {
    case emptyImage
    case loadImage
    case saveImage
    case previewImage
    case invert
    case scale
    case upscale
    case imageSize
    case showAnything
    case emptyLatent
    case sampler
    case decode
    case encode
    /// Gives its input of this name as its value.
    case value(String)
    /// Hands its input of this name on.
    case pass(String)
    /// Gives one opaque value per output.
    case opaque
    case sleep
    case raise
    case block
    case text
    case expand
    case asynchronous
}
