/// A type that a configuration key can have.
public protocol ConfigValue: Sendable {
    /// Takes the file's value.
    ///
    /// - Throws: ``ConfigProblem`` that says what was expected.
    init(config: JSON) throws(ConfigProblem)
    /// What a person writes, for the reference: `duration such as 30s`.
    static var configType: String { get }
    /// The value as it is written in a file; secrets write nothing.
    var configText: String { get }
}

/// What is wrong with one value, such as `expected true or false`.
public struct ConfigProblem: Error, Sendable, CustomStringConvertible {
    /// The problem, lower case, without a period.
    public let description: String

    /// Makes a problem.
    public init(_ description: String) {
        self.description = description
    }
}

extension Bool: ConfigValue {
    /// Takes `true` or `false`, also as text in any case (`yes`, `no`, `on`, `off`, `1`, `0`), as environments have it.
    public init(config: JSON) throws(ConfigProblem) {
        switch config.boolValue?.description ?? config.stringValue?.lowercased() ?? config.numberValue?.literal {
        case "true"?, "yes"?, "on"?, "1"?: self = true
        case "false"?, "no"?, "off"?, "0"?: self = false
        default: throw ConfigProblem("expected true or false")
        }
    }
    /// `true or false`.
    public static var configType: String { "true or false" }
    /// `true` or `false`.
    public var configText: String { description }
}

extension Int: ConfigValue {
    /// Takes an integer, also as text.
    public init(config: JSON) throws(ConfigProblem) {
        guard let value = config.intValue ?? config.stringValue.flatMap({ Int($0) }) else {
            throw ConfigProblem("expected an integer")
        }
        self = value
    }
    /// `integer`.
    public static var configType: String { "integer" }
    /// The decimal text.
    public var configText: String { description }
}

extension Double: ConfigValue {
    /// Takes a number, also as text.
    public init(config: JSON) throws(ConfigProblem) {
        guard let value = config.doubleValue ?? config.stringValue.flatMap({ Double($0) }), value.isFinite else {
            throw ConfigProblem("expected a number")
        }
        self = value
    }
    /// `number`.
    public static var configType: String { "number" }
    /// The decimal text.
    public var configText: String { description }
}

extension String: ConfigValue {
    /// Takes a text; numbers and booleans stand for their text.
    public init(config: JSON) throws(ConfigProblem) {
        if let text = config.stringValue ?? config.numberValue?.literal {
            self = text
        } else if let flag = config.boolValue {
            self = flag.description
        } else {
            throw ConfigProblem("expected a text")
        }
    }
    /// `text`.
    public static var configType: String { "text" }
    /// The text as a double-quoted YAML scalar.
    public var configText: String { JSON.string(self).text() }
}

extension Secret: ConfigValue {
    /// Takes a text; the reader has already replaced `${NAME}` and `file:PATH`.
    public init(config: JSON) throws(ConfigProblem) {
        self.init(try String(config: config))
    }
    /// `secret`.
    public static var configType: String { "secret: text, ${NAME} or file:/path" }
    /// Never the text.
    public var configText: String { "\"\"" }
}
