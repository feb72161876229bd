package import PluginAPI

/// One thing that is wrong with the configuration.
package struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
    /// The file, as it was named; nil when no file is to blame.
    package var file: String?
    /// The line of the key, or of the nearest section around a missing one.
    package var line: Int?
    /// The column, where the text itself is broken.
    package var column: Int?
    /// The dotted path of the key, or the variable or option that the value came from; empty for the whole file.
    package var subject: String
    /// What is wrong and what would be right.
    package var message: String

    /// Makes a problem.
    package init(
        file: String? = nil, line: Int? = nil, column: Int? = nil, subject: String = "", message: String
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.subject = subject
        self.message = message
    }

    /// Such as `comfyd.yaml:12: plugins.gateway.queue_cache_tll: unknown key; did you mean "queue_cache_ttl"?`.
    package var description: String {
        var place = file ?? ""
        for number in [line, column].compactMap({ $0 }) where file != nil { place += ":\(number)" }
        return [place, subject, message].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}

/// All that is wrong with the configuration: the file in its order, then `.env`, variables and options.
package struct ConfigurationProblems: Error, Sendable, CustomStringConvertible {
    /// The problems, at least one.
    package let problems: [ConfigurationProblem]

    /// One line per problem.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }

    init(_ problems: [ConfigurationProblem]) {
        let ordered = problems.enumerated().sorted { left, right in
            let places = (Self.place(left.element), Self.place(right.element))
            return places.0 == places.1 ? left.offset < right.offset : places.0 < places.1
        }
        self.problems = ordered.map(\.element)
    }

    private static func place(_ problem: ConfigurationProblem) -> (Int, Int) {
        let rank = problem.file == nil ? 2 : problem.file == EnvironmentFile.name ? 1 : 0
        return (rank, problem.line ?? .max)
    }

    init(_ problem: YAMLProblem) {
        self.init([
            ConfigurationProblem(
                file: problem.file, line: problem.line, column: problem.column, message: problem.message)
        ])
    }
}

/// Something the operator should know about a configuration that is right.
package struct ConfigurationNotice: Sendable, Equatable {
    /// How important it is.
    package let level: LogLevel
    /// The sentence, lower case.
    package let message: String
}
