/// Marks the lists among values: a variable is split at commas for them.
protocol ConfigList {}

extension Array: ConfigList where Element: ConfigValue {}

extension Array: ConfigValue where Element: ConfigValue {
    /// Takes a list; a single value stands for a list of one, and a variable is split at commas before.
    public init(config: JSON) throws(ConfigProblem) {
        guard let items = config.arrayValue else {
            self = [try Element(config: config)]
            return
        }
        var values: [Element] = []
        for (index, item) in items.enumerated() {
            do {
                values.append(try Element(config: item))
            } catch {
                throw ConfigProblem("item \(index + 1): \(error)")
            }
        }
        self = values
    }
    /// `list of …`.
    public static var configType: String { "list of \(Element.configType)" }
    /// The list in brackets.
    public var configText: String { "[" + map(\.configText).joined(separator: ", ") + "]" }
}
