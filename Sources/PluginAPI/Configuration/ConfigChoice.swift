/// An enumeration whose raw values are what the file says.
public protocol ConfigChoice: ConfigValue, CaseIterable, RawRepresentable where RawValue == String {}

extension ConfigChoice {
    /// Takes one of the raw values.
    public init(config: JSON) throws(ConfigProblem) {
        // YAML reads a bare `on` or `off` as text here, so raw values compare as they are.
        guard let text = config.stringValue ?? config.boolValue.map(\.description), let value = Self(rawValue: text)
        else { throw ConfigProblem("expected \(Self.configType)") }
        self = value
    }
    /// `one of …`.
    public static var configType: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
    /// The raw value.
    public var configText: String { rawValue }
}
