public import PluginAPI

extension JSON {
    /// The value with `null` for Python's `NaN` and `Infinity`: a node may output them, and no client could read the text.
    public var standard: JSON {
        switch self {
        case .number(let number) where !number.isFinite: .null
        case .array(let elements): .array(elements.map(\.standard))
        case .object(let members): .object(members.standard)
        default: self
        }
    }
}

extension JSONObject {
    /// See ``PluginAPI/JSON/standard``.
    public var standard: JSONObject {
        var members = self
        for (key, value) in self { members[key] = value.standard }
        return members
    }
}
