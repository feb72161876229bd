import PluginAPI

/// The schemas of the surfaces' error bodies, each written once in the document.
struct OpenAPIErrorSchemas {
    private(set) var components: JSONObject = [:]

    /// A reference to the schema of a surface's errors; `nil` where the surface does not say how they look.
    mutating func reference(to surface: Surface) -> JSON? {
        guard let schema = surface.errorSchema else { return nil }
        let name = Self.name(of: surface)
        // Two plugins may call different dialects the same.
        if let other = components[name], other != schema { return schema }
        components[name] = schema
        return .object(["$ref": .string("#/components/schemas/\(name)")])
    }

    /// `Error` for the host's own, else such as `NamedWorkflowsError`.
    private static func name(of surface: Surface) -> String {
        guard surface.name != Surface.native.name else { return "Error" }
        let words = surface.name.split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
        return words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + "Error"
    }
}
