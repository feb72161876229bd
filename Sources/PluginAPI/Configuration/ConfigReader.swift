/// A part of the configuration: its one initializer reads, checks and documents the keys.
///
/// The host runs it with the file, to get values and all problems, and with nothing, to print the sample and the reference.
public protocol ConfigurationSection: Sendable {
    /// Reads the section; cannot throw, the reader collects what is wrong.
    init(_ config: inout ConfigReader)
}

/// Reads one section of the configuration, collecting problems and documentation.
public struct ConfigReader {
    /// Where values come from besides the file.
    public struct Sources: Sendable {
        /// The environment, `.env` included.
        public var environment: [String: String]
        /// Reads a file for `file:PATH`; `nil` when it cannot be read.
        public var readFile: @Sendable (String) -> String?

        /// Makes sources.
        public init(
            environment: [String: String] = [:], readFile: @escaping @Sendable (String) -> String? = { _ in nil }
        ) {
            self.environment = environment
            self.readFile = readFile
        }
    }

    /// The dotted path of this section, empty at the top.
    public let path: String
    /// What is wrong so far.
    public private(set) var problems: [Problem] = []
    /// The keys read so far, nested sections included.
    public private(set) var entries: [ConfigEntry] = []

    private let values: JSONObject
    private let sources: Sources
    private let inList: Bool
    private var known: Set<String> = []

    /// What is wrong at one path.
    public struct Problem: Sendable, Equatable, CustomStringConvertible {
        /// The dotted path of the key.
        public let path: String
        /// What is wrong and what would be right.
        public let message: String

        /// `path: message`.
        public var description: String { "\(path): \(message)" }
    }

    /// Starts a section with the file's values.
    public init(path: String = "", values: JSONObject = [:], sources: Sources = Sources()) {
        self.init(path: path, values: values, sources: sources, inList: false)
    }

    private init(path: String, values: JSONObject, sources: Sources, inList: Bool) {
        self.path = path
        self.values = values
        self.sources = sources
        self.inList = inList
    }

    /// A key with a default. `environment` names a variable that ranks above the file;
    /// `COMFYD_<PATH>` (dots as underscores, upper case) always does.
    public mutating func value<V: ConfigValue>(
        _ key: String, default fallback: V, environment: String? = nil, _ help: String, check: (V) -> String? = { _ in nil }
    ) -> V {
        document(key, V.self, fallback.configText, help, environment, required: false)
        guard let value: V = read(key, environment) else { return fallback }
        guard let problem = check(value) else { return value }
        report(problem, at: key)
        return fallback
    }

    /// A key with a default whose values have bounds.
    public mutating func value<V: ConfigValue & Comparable>(
        _ key: String, default fallback: V, in bounds: ClosedRange<V>, environment: String? = nil, _ help: String
    ) -> V {
        let range = "\(bounds.lowerBound.configText)…\(bounds.upperBound.configText)"
        return value(key, default: fallback, environment: environment, "\(help) (\(range))") {
            bounds.contains($0) ? nil : "\($0.configText) is outside \(range)"
        }
    }

    /// A key that must be given; the example stands in while problems are collected.
    public mutating func required<V: ConfigValue>(
        _ key: String, example: V, environment: String? = nil, _ help: String, check: (V) -> String? = { _ in nil }
    ) -> V {
        document(key, V.self, example.configText, help, environment, required: true)
        let before = problems.count
        guard let value: V = read(key, environment) else {
            if problems.count == before { report("missing; for example \(example.configText)", at: key) }
            return example
        }
        if let problem = check(value) { report(problem, at: key) }
        return value
    }

    /// A key that may be absent.
    public mutating func optional<V: ConfigValue>(
        _ key: String, as type: V.Type, environment: String? = nil, _ help: String, check: (V) -> String? = { _ in nil }
    ) -> V? {
        document(key, V.self, nil, help, environment, required: false)
        guard let value: V = read(key, environment) else { return nil }
        guard let problem = check(value) else { return value }
        report(problem, at: key)
        return nil
    }

    /// A nested section; absent means all its defaults.
    public mutating func section<S: ConfigurationSection>(_ key: String, as type: S.Type, _ help: String) -> S {
        known.insert(key)
        entries.append(ConfigEntry(path: join(key), kind: .section, help: help))
        var inner = values.objectSection(key)
        if inner == nil, let given = values[key], !given.isNull {
            report("expected a section of keys", at: key)
            inner = [:]
        }
        var reader = ConfigReader(path: join(key), values: inner ?? [:], sources: sources, inList: inList)
        let section = S(&reader)
        absorb(reader.finished())
        return section
    }

    /// A list of sections.
    public mutating func list<S: ConfigurationSection>(_ key: String, of type: S.Type, _ help: String) -> [S] {
        known.insert(key)
        entries.append(ConfigEntry(path: join(key), kind: .list, help: help))
        var sample = ConfigReader(path: "\(join(key))[]", values: [:], sources: Sources(), inList: true)
        _ = S(&sample)
        entries += sample.entries
        guard let given = values[key], !given.isNull else { return [] }
        guard let items = given.arrayValue else {
            report("expected a list", at: key)
            return []
        }
        return items.enumerated().map { index, item in
            if item.objectValue == nil { report("item \(index + 1): expected a section of keys", at: key) }
            var reader = ConfigReader(
                path: "\(join(key))[\(index + 1)]", values: item.objectValue ?? [:], sources: sources, inList: true)
            let section = S(&reader)
            problems += reader.finished().problems
            return section
        }
    }

    /// Marks a key as known without reading it, for keys the host reads itself.
    public mutating func ignore(_ key: String) {
        known.insert(key)
    }

    /// Whether the file has the key.
    public func contains(_ key: String) -> Bool {
        values[key] != nil
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
}

extension ConfigReader {
    private func join(_ key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }

    private mutating func absorb(_ inner: ConfigReader) {
        problems += inner.problems
        entries += inner.entries
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

    private mutating func read<V: ConfigValue>(_ key: String, _ environment: String?) -> V? {
        guard let (raw, origin) = raw(key, environment) else { return nil }
        do {
            return try V(config: try expand(raw, secret: V.self is Secret.Type || V.self is [Secret].Type))
        } catch {
            problems.append(Problem(path: origin, message: error.description))
            return nil
        }
    }

    /// The value and where to point at when it is wrong: environment first, then the file.
    private func raw(_ key: String, _ environment: String?) -> (JSON, String)? {
        if !inList {
            let own = "COMFYD_" + String(join(key).map { $0 == "." ? "_" : $0 }).uppercased()
            for name in [own, environment].compactMap({ $0 }) {
                // An empty variable counts as absent, as in the seeds' `.env` files.
                if let text = sources.environment[name], !text.isEmpty {
                    let parts = text.split(separator: ",").map { JSON.string(String($0)) }
                    return (parts.count > 1 ? .array(parts) : .string(text), "environment variable \(name)")
                }
            }
        }
        guard let value = values[key], !value.isNull else { return nil }
        return (value, join(key))
    }

    /// Replaces `${NAME}` in texts, and `file:PATH` in secrets.
    private func expand(_ value: JSON, secret: Bool) throws(ConfigProblem) -> JSON {
        if let items = value.arrayValue {
            var expanded: [JSON] = []
            for item in items { expanded.append(try expand(item, secret: secret)) }
            return .array(expanded)
        }
        guard var text = value.stringValue, text.contains("${") || secret else { return value }
        var result = ""
        while let start = text.range(of: "${"), let end = text[start.upperBound...].firstIndex(of: "}") {
            let name = String(text[start.upperBound..<end])
            guard let replacement = sources.environment[name] else {
                throw ConfigProblem("environment variable \"\(name)\" is not set")
            }
            result += text[..<start.lowerBound] + replacement
            text = String(text[text.index(after: end)...])
        }
        result += text
        guard secret, result.hasPrefix("file:") else { return .string(result) }
        let file = String(result.dropFirst("file:".count))
        guard let content = sources.readFile(file) else { throw ConfigProblem("cannot read file \"\(file)\"") }
        return .string(String(content.reversed().drop { $0.isNewline }.reversed()))
    }
}

extension String {
    fileprivate func range(of needle: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}

extension JSONObject {
    fileprivate func objectSection(_ key: String) -> JSONObject? {
        self[key]?.objectValue
    }
}
