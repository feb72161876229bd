extension ConfigReader {
    /// Where values come from besides the file.
    public struct Sources: Sendable {
        /// The environment, `.env` included.
        public var environment: [String: String]
        /// Values of the command line by dotted path; they rank above everything.
        public var overrides: [String: Override]
        /// Reads a file for `file:PATH`; `nil` when it cannot be read.
        public var readFile: @Sendable (String) -> String?

        /// Makes sources.
        public init(
            environment: [String: String] = [:], overrides: [String: Override] = [:],
            readFile: @escaping @Sendable (String) -> String? = { _ in nil }
        ) {
            self.environment = environment
            self.overrides = overrides
            self.readFile = readFile
        }
    }

    /// A value of the command line.
    public struct Override: Sendable, Equatable {
        /// The value as the file would have it.
        public var value: JSON
        /// Its name in problems, such as `--listen`.
        public var origin: String

        /// Makes a value.
        public init(_ value: JSON, origin: String) {
            self.value = value
            self.origin = origin
        }
    }
}

// MARK: - Finding a value

extension ConfigReader {
    /// A value before it is converted.
    private struct Found {
        var value: JSON
        /// Nil for the file.
        var source: String?
        /// Whether `${NAME}` stands for a variable in it.
        var hasReferences: Bool
    }

    /// Reads, converts and checks a key; nil when it is absent or was reported.
    mutating func checked<V: ConfigValue>(_ key: String, _ environment: String?, _ check: (V) -> String?) -> V? {
        guard let found = find(key, environment, isList: V.self is any ConfigList.Type) else { return nil }
        do throws(ConfigProblem) {
            let value = try V(config: resolve(found, isSecret: V.self is Secret.Type || V.self is [Secret].Type))
            guard let problem = check(value) else { return value }
            throw ConfigProblem(problem)
        } catch {
            problems.append(Problem(path: join(key), message: error.description, source: found.source))
            return nil
        }
    }

    private func find(_ key: String, _ environment: String?, isList: Bool) -> Found? {
        let path = join(key)
        if let override = sources.overrides[path] {
            return Found(value: override.value, source: override.origin, hasReferences: false)
        }
        if !inList {
            for name in [ConfigEntry.variable(for: path), environment].compactMap({ $0 }) {
                // An empty variable counts as absent, as in the seeds' `.env` files.
                guard let text = sources.environment[name], !text.isEmpty else { continue }
                let value = isList ? Self.items(of: text) : .string(text)
                return Found(value: value, source: "environment variable \(name)", hasReferences: false)
            }
        }
        guard let value = values[key], !value.isNull else { return nil }
        return Found(value: value, source: nil, hasReferences: true)
    }

    /// The list that a variable stands for: parts between commas, without the spaces around them.
    private static func items(of text: String) -> JSON {
        let parts = text.split(separator: ",").map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        return .array(parts.filter { !$0.isEmpty }.map { .string($0) })
    }
}

// MARK: - References

extension ConfigReader {
    private func resolve(_ found: Found, isSecret: Bool) throws(ConfigProblem) -> JSON {
        guard found.hasReferences || isSecret else { return found.value }
        return try resolve(found.value, references: found.hasReferences, isSecret: isSecret)
    }

    /// Replaces `${NAME}` in texts, and `file:PATH` in secrets.
    private func resolve(_ value: JSON, references: Bool, isSecret: Bool) throws(ConfigProblem) -> JSON {
        switch value {
        case .array(let items):
            var resolved: [JSON] = []
            for item in items { resolved.append(try resolve(item, references: references, isSecret: isSecret)) }
            return .array(resolved)
        case .object(let members):
            var resolved = JSONObject()
            for (key, item) in members {
                resolved[key] = try resolve(item, references: references, isSecret: isSecret)
            }
            return .object(resolved)
        case .string(let text):
            let expanded = references ? try expand(text) : text
            return .string(isSecret ? try contents(expanded) : expanded)
        case .null, .bool, .number:
            return value
        }
    }

    /// Replaces `${NAME}` and `${NAME:-text}`; `$${` stands for `${` itself.
    private func expand(_ text: String) throws(ConfigProblem) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        var rest = Array(text.utf8)[...]
        var result: [UInt8] = []
        while let byte = rest.first {
            if rest.starts(with: "$${".utf8) {
                result += "${".utf8
                rest = rest.dropFirst(3)
            } else if rest.starts(with: "${".utf8) {
                guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else {
                    throw ConfigProblem("\"${\" without \"}\"; write \"$${\" for the two characters themselves")
                }
                result += try variable(String(decoding: rest[(rest.startIndex + 2)..<end], as: UTF8.self)).utf8
                rest = rest[(end + 1)...]
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private func variable(_ reference: String) throws(ConfigProblem) -> String {
        let name = String(reference.prefix { $0 != ":" })
        if let value = sources.environment[name], !value.isEmpty { return value }
        let rest = reference.dropFirst(name.count)
        if rest.hasPrefix(":-") { return String(rest.dropFirst(2)) }
        throw ConfigProblem("environment variable \"\(name)\" is not set")
    }

    private func contents(_ text: String) throws(ConfigProblem) -> String {
        guard text.hasPrefix("file:") else { return text }
        let file = String(text.dropFirst("file:".count))
        guard let content = sources.readFile(file) else { throw ConfigProblem("cannot read file \"\(file)\"") }
        return String(content.reversed().drop { $0.isNewline }.reversed())
    }
}
