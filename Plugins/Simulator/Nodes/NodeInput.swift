internal import PluginAPI

/// An input of a node class.
struct NodeInput: Sendable {
    /// The part of `input` it is listed in.
    enum Group: String, Sendable, CaseIterable {
        case required
        case optional
        case hidden
    }

    /// What an input takes.
    enum Kind: Sendable, Equatable {
        /// A type by its name: `INT`, `IMAGE`, `*`.
        case named(String)
        /// One of fixed words.
        case choice([String])
        /// One of the files of a model folder.
        case model(String)
        /// One of the images in the input folder.
        case inputImage
    }

    var name: String
    var type: Kind
    var group: Group
    /// The second element of the entry; absent when empty, unless `showsOptions`.
    var options: JSONObject
    var showsOptions: Bool
    /// Whether choices are spelled `["COMBO", {"options": …}]`.
    var isV3: Bool

    init(
        _ name: String, _ type: Kind, _ options: JSONObject = [:], group: Group = .required,
        showsOptions: Bool = false, isV3: Bool = false
    ) {
        self.name = name
        self.type = type
        self.options = options
        self.group = group
        self.showsOptions = showsOptions
        self.isV3 = isV3
    }

    /// The name of the type as error messages print it.
    func typeName(choices: [String]) -> String {
        if case .named(let name) = type { return name }
        return isV3 ? "COMBO" : Python.repr(.strings(choices))
    }

    /// Whether it takes one of several words.
    var isChoice: Bool {
        if case .named = type { return false }
        return true
    }

    /// The entry in `/object_info`.
    func info(choices: [String]) -> JSON {
        if group == .hidden, case .named(let name) = type { return .string(name) }
        let (type, options) = parts(choices: choices)
        return options.isEmpty && !showsOptions ? [type] : [type, .object(options)]
    }

    /// The entry as error messages carry it, always with options.
    func config(choices: [String]) -> JSON {
        let (type, options) = parts(choices: choices)
        return [type, .object(options)]
    }

    private func parts(choices: [String]) -> (JSON, JSONObject) {
        if case .named(let name) = type { return (.string(name), options) }
        guard isV3 else { return (.strings(choices), options) }
        var options = options
        options["options"] = .strings(choices)
        return ("COMBO", options)
    }
}

extension NodeInput {
    static func int(
        _ name: String, default value: JSON? = nil, _ minimum: JSON, _ maximum: JSON, step: JSON? = nil,
        _ more: JSONObject = [:]
    ) -> NodeInput {
        NodeInput(name, .named("INT"), numeric(value, minimum, maximum, step, more))
    }

    static func float(
        _ name: String, default value: JSON? = nil, _ minimum: JSON? = nil, _ maximum: JSON? = nil, step: JSON? = nil,
        _ more: JSONObject = [:]
    ) -> NodeInput {
        NodeInput(name, .named("FLOAT"), numeric(value, minimum, maximum, step, more))
    }

    static func string(_ name: String, _ options: JSONObject = [:]) -> NodeInput {
        NodeInput(name, .named("STRING"), options)
    }

    static func link(_ name: String, _ type: String, _ tooltip: String? = nil) -> NodeInput {
        NodeInput(name, .named(type), tooltip.map { ["tooltip": .string($0)] } ?? [:])
    }

    static func hidden(_ name: String, _ type: String) -> NodeInput {
        NodeInput(name, .named(type), group: .hidden)
    }

    private static func numeric(
        _ value: JSON?, _ minimum: JSON?, _ maximum: JSON?, _ step: JSON?, _ more: JSONObject
    ) -> JSONObject {
        var options = JSONObject()
        for (key, bound) in [("default", value), ("min", minimum), ("max", maximum), ("step", step)] {
            if let bound { options[key] = bound }
        }
        for (key, extra) in more { options[key] = extra }
        return options
    }
}
