import Glibc
import PluginAPI

/// The configuration file with what stands around it: `.env`, the environment, the command line.
struct ConfigurationSource: Sendable {
    /// The absolute path of the file, nil when there is none.
    let file: String?
    /// The name of the file in problems, as the operator gave it.
    let displayName: String?
    /// The absolute folder where relative paths start.
    let directory: String
    /// The file's values with their lines; nil without a file, or with an empty one.
    let root: YAMLNode?
    /// The place of each key in the file.
    private let marks: [String: YAMLMark]
    /// The lines of `.env`.
    let environmentFile: EnvironmentFile
    /// All that is read besides the file.
    let sources: ConfigReader.Sources
    /// What to tell the operator.
    let notices: [ConfigurationNotice]
    /// What is wrong with `.env`.
    let problems: [ConfigurationProblem]

    /// The name of the configuration file when none is given.
    static let defaultName = "comfyd.yaml"

    init(
        file given: String?, overrides: CommandLineOverrides, environment: [String: String], workingDirectory: String
    ) throws(ConfigurationProblems) {
        var notices: [ConfigurationNotice] = []
        let found = FilePath.exists(FilePath.absolute(Self.defaultName, in: workingDirectory))
        let name = given ?? (found ? Self.defaultName : nil)
        displayName = name
        file = name.map { FilePath.absolute($0, in: workingDirectory) }
        directory = file.map(FilePath.directory(of:)) ?? workingDirectory
        root = try Self.read(file, name)
        marks = root?.marks() ?? [:]
        if name == nil {
            notices.append(
                ConfigurationNotice(
                    level: .notice,
                    message: "no --config given and no \(Self.defaultName) in \(workingDirectory); using the defaults"))
        }

        (environmentFile, problems) = Self.environmentFile(in: directory)
        var merged = environmentFile.values.filter { !$0.value.isEmpty }
        merged.merge(environment.filter { !$0.value.isEmpty }) { _, own in own }
        var commandLine = overrides.values(in: workingDirectory)
        let seeds = SeedVariables(environment: merged)
        commandLine.merge(seeds.overrides) { own, _ in own }
        let directory = self.directory
        sources = ConfigReader.Sources(environment: merged, overrides: commandLine) { path in
            try? TextFile.read(FilePath.absolute(path, in: directory))
        }
        self.notices = notices + seeds.notices
    }

    private static func read(_ file: String?, _ name: String?) throws(ConfigurationProblems) -> YAMLNode? {
        guard let file, let name else { return nil }
        let text: String
        do throws(FileProblem) {
            text = try TextFile.read(file)
        } catch {
            throw ConfigurationProblems([ConfigurationProblem(message: error.description)])
        }
        do throws(YAMLProblem) {
            let root = try YAML.parse(text, file: name)
            guard case .scalar = root.content, root.json.isNull else {
                guard case .mapping = root.content else {
                    throw YAMLProblem(
                        file: name, line: root.start.line, column: root.start.column,
                        message: "expected keys, such as \"listen: ...\"")
                }
                return root
            }
            return nil
        } catch {
            throw ConfigurationProblems(error)
        }
    }

    private static func environmentFile(in directory: String) -> (EnvironmentFile, [ConfigurationProblem]) {
        let path = FilePath.absolute(EnvironmentFile.name, in: directory)
        guard FilePath.exists(path) else { return (EnvironmentFile(), []) }
        do throws(FileProblem) {
            let file = EnvironmentFile(try TextFile.read(path))
            return (
                file,
                file.problems.map {
                    ConfigurationProblem(file: EnvironmentFile.name, line: $0.line, message: $0.message)
                }
            )
        } catch {
            return (EnvironmentFile(), [ConfigurationProblem(message: error.description)])
        }
    }
}

// MARK: - Problems with their places

extension ConfigurationSource {
    /// Adds file and line to what a reader found.
    func located(_ problems: [ConfigReader.Problem]) -> [ConfigurationProblem] {
        problems.map { problem in
            guard let source = problem.source else {
                return ConfigurationProblem(
                    file: displayName, line: Self.line(of: problem.path, in: marks), subject: problem.path,
                    message: problem.message)
            }
            let variable = source.split(separator: " ").last.map(String.init) ?? ""
            let line = environmentFile.lines[variable]
            let isFromFile = line != nil && sources.environment[variable] == environmentFile.values[variable]
            return ConfigurationProblem(
                file: isFromFile ? EnvironmentFile.name : nil, line: isFromFile ? line : nil,
                subject: "\(source) (\(problem.path))", message: problem.message)
        }
    }

    /// The line of a key, or of the nearest section around it that the file has.
    private static func line(of path: String, in marks: [String: YAMLMark]) -> Int? {
        var path = path[...]
        while !path.isEmpty {
            if let mark = marks[String(path)] { return mark.line }
            guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return nil }
            path = path[..<cut]
        }
        return nil
    }
}
