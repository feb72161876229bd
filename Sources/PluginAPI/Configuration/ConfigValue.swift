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
    /// Takes `true` or `false`, also as text (`yes`, `no`, `on`, `off`, `1`, `0`), as environments have it.
    public init(config: JSON) throws(ConfigProblem) {
        switch (config.boolValue, config.stringValue ?? config.numberValue?.literal) {
        case (let value?, _): self = value
        case (nil, "true"?), (nil, "yes"?), (nil, "on"?), (nil, "1"?): self = true
        case (nil, "false"?), (nil, "no"?), (nil, "off"?), (nil, "0"?): self = false
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

extension Duration: ConfigValue {
    /// Takes `250ms`, `30s`, `5m`, `1h`, `2d`, or a number of seconds.
    public init(config: JSON) throws(ConfigProblem) {
        let problem = ConfigProblem("expected a duration such as \"30s\", \"5m\" or \"1h\"")
        let text = config.stringValue ?? config.numberValue?.literal ?? ""
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let amount = Double(digits), amount.isFinite else { throw problem }
        let scale: Double
        switch text.dropFirst(digits.count).drop(while: { $0 == " " }) {
        case "ms": scale = 0.001
        case "", "s": scale = 1
        case "m", "min": scale = 60
        case "h": scale = 3600
        case "d": scale = 86_400
        default: throw problem
        }
        guard amount * scale <= 3_155_760_000 else { throw ConfigProblem("is longer than 100 years") }
        self = .milliseconds(Int64((amount * scale * 1000).rounded()))
    }
    /// `duration such as 30s, 5m or 1h`.
    public static var configType: String { "duration such as 30s, 5m or 1h" }
    /// The largest unit that is exact.
    public var configText: String {
        let milliseconds = inNanoseconds / 1_000_000
        if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
        let seconds = milliseconds / 1000
        if seconds >= 86_400, seconds % 86_400 == 0 { return "\(seconds / 86_400)d" }
        if seconds >= 3600, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
        if seconds >= 60, seconds % 60 == 0 { return "\(seconds / 60)m" }
        return "\(seconds)s"
    }
}

/// A number of bytes; written `64MiB`, `16KiB`, `1GiB` or as a plain number.
public struct ByteCount: ConfigValue, Comparable, Hashable {
    /// The number of bytes.
    public var bytes: Int

    /// Makes a number of bytes.
    public init(_ bytes: Int) {
        self.bytes = bytes
    }

    /// Takes `64MiB` (powers of 1024), `64MB` (powers of 1000) or a number of bytes.
    public init(config: JSON) throws(ConfigProblem) {
        let problem = ConfigProblem("expected a size such as \"64MiB\"")
        let text = config.stringValue ?? config.numberValue?.literal ?? ""
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let amount = Double(digits), amount.isFinite else { throw problem }
        let scale: Double
        switch text.dropFirst(digits.count).drop(while: { $0 == " " }) {
        case "", "B": scale = 1
        case "KiB", "K": scale = 1024
        case "MiB", "M": scale = 1_048_576
        case "GiB", "G": scale = 1_073_741_824
        case "kB", "KB": scale = 1e3
        case "MB": scale = 1e6
        case "GB": scale = 1e9
        default: throw problem
        }
        guard amount * scale <= 1e15 else { throw ConfigProblem("is larger than 1 PB") }
        bytes = Int(amount * scale)
    }

    /// `size such as 64MiB`.
    public static var configType: String { "size such as 64MiB" }
    /// The largest unit that is exact.
    public var configText: String {
        for (unit, scale) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes >= scale && bytes % scale == 0 {
            return "\(bytes / scale)\(unit)"
        }
        return String(bytes)
    }
    /// Fewer bytes are smaller.
    public static func < (lhs: ByteCount, rhs: ByteCount) -> Bool { lhs.bytes < rhs.bytes }
}

extension Array: ConfigValue where Element: ConfigValue {
    /// Takes a list; a single value stands for a list of one, a text from an environment is split at commas.
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
