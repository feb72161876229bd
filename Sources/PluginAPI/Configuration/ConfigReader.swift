/// Reads one section of the configuration, collecting problems and documentation.
///
/// Values rank: command line, environment variable, file, default. A variable that is set but empty counts as absent.
public struct ConfigReader {
    /// The dotted path of this section, empty at the top.
    public let path: String
    /// What is wrong so far.
    public internal(set) var problems: [Problem] = []
    /// The keys read so far, nested sections included.
    public internal(set) var entries: [ConfigEntry] = []

    let values: JSONObject
    let sources: Sources
    let inList: Bool
    var known: Set<String> = []

    /// What is wrong at one path.
    public struct Problem: Sendable, Equatable, CustomStringConvertible {
        /// The dotted path of the key; items of lists are counted from 1, as in `workers[2].url`.
        public let path: String
        /// What is wrong and what would be right.
        public let message: String
        /// Where the value came from when that was not the file, such as `environment variable COMFYD_THREADS`.
        public let source: String?

        /// Makes a problem.
        public init(path: String, message: String, source: String? = nil) {
            self.path = path
            self.message = message
            self.source = source
        }

        /// `path: message`, or `source (path): message`.
        public var description: String {
            guard let source else { return path.isEmpty ? message : "\(path): \(message)" }
            return "\(source) (\(path)): \(message)"
        }
    }

    /// Starts a section with the file's values.
    public init(path: String = "", values: JSONObject = [:], sources: Sources = Sources()) {
        self.init(path: path, values: values, sources: sources, inList: false)
    }

    init(path: String, values: JSONObject, sources: Sources, inList: Bool) {
        self.path = path
        self.values = values
        self.sources = sources
        self.inList = inList
    }
}

// MARK: - Keys

extension ConfigReader {
    /// Reads a key with a default.
    ///
    /// `environment` names a variable that ranks above the file; `COMFYD_<PATH>` (dots as underscores, upper case)
    /// always does and ranks above both. Inside lists there are no variables. `check` says what is wrong with a value.
    public mutating func value<V: ConfigValue>(
        _ key: String, default fallback: V, environment: String? = nil, _ help: String,
        check: (V) -> String? = { _ in nil }
    ) -> V {
        document(key, V.self, fallback.configText, help, environment, required: false)
        return checked(key, environment, check) ?? fallback
    }

    /// Reads a key with a default whose values have bounds.
    public mutating func value<V: ConfigValue & Comparable>(
        _ key: String, default fallback: V, in bounds: ClosedRange<V>, environment: String? = nil, _ help: String
    ) -> V {
        let range = "\(bounds.lowerBound.configText)…\(bounds.upperBound.configText)"
        return value(key, default: fallback, environment: environment, "\(help) (\(range))") {
            bounds.contains($0) ? nil : "\($0.configText) is outside \(range)"
        }
    }

    /// Reads a key that must be given; the example stands in while problems are collected.
    public mutating func required<V: ConfigValue>(
        _ key: String, example: V, environment: String? = nil, _ help: String, check: (V) -> String? = { _ in nil }
    ) -> V {
        document(key, V.self, example.configText, help, environment, required: true)
        let before = problems.count
        if let value = checked(key, environment, check) { return value }
        if problems.count == before { report("missing; for example \(example.configText)", at: key) }
        return example
    }

    /// Reads a key that may be absent.
    public mutating func optional<V: ConfigValue>(
        _ key: String, as type: V.Type, environment: String? = nil, _ help: String, check: (V) -> String? = { _ in nil }
    ) -> V? {
        document(key, V.self, nil, help, environment, required: false)
        return checked(key, environment, check)
    }

    /// Whether the file has the key.
    public func contains(_ key: String) -> Bool {
        values[key] != nil
    }

    /// Marks a key as known without reading it, for keys the host reads itself.
    public mutating func ignore(_ key: String) {
        known.insert(key)
    }

    /// Adds a problem, for rules between keys.
    public mutating func report(_ problem: String, at key: String) {
        problems.append(Problem(path: join(key), message: problem))
    }

    /// Reports keys that nobody read; the host calls it after the section's initializer.
    public func finished() -> ConfigReader {
        var result = self
        for key in values.keys where !known.contains(key) {
            let near = Spelling.nearest(to: key, in: known)
            result.report("unknown key" + (near.map { "; did you mean \"\($0)\"?" } ?? ""), at: key)
        }
        return result
    }

    private mutating func document<V: ConfigValue>(
        _ key: String, _ type: V.Type, _ text: String?, _ help: String, _ environment: String?, required: Bool
    ) {
        known.insert(key)
        entries.append(
            ConfigEntry(
                path: join(key), kind: .value(type: V.configType, text: text, required: required), help: help,
                environment: environment))
    }
}
