import Glibc

/// The program `comfyd`: parses its arguments, calls the command, prints, and tells the exit code.
package struct CommandLineTool: Sendable {
    private let runner: any CommandRunner
    private let workingDirectory: String
    private let output: @Sendable (String) -> Void
    private let errorOutput: @Sendable (String) -> Void

    /// Makes the program; tests give their own outputs and working directory.
    package init(
        runner: any CommandRunner, workingDirectory: String? = nil,
        output: @escaping @Sendable (String) -> Void = { CommandLineTool.print($0, to: STDOUT_FILENO) },
        errorOutput: @escaping @Sendable (String) -> Void = { CommandLineTool.print($0, to: STDERR_FILENO) }
    ) {
        self.runner = runner
        self.workingDirectory = workingDirectory ?? FilePath.current
        self.output = output
        self.errorOutput = errorOutput
    }

    /// Runs the program with its arguments, without the program's name.
    ///
    /// - Returns: The exit code: 0 done, 1 failed, 2 wrong configuration or command line.
    package func run(_ arguments: [String]) async -> Int32 {
        do {
            let invocation = try CommandLineParser.parse(arguments)
            if let text = try await perform(invocation), !text.isEmpty {
                output(text.hasSuffix("\n") ? text : text + "\n")
            }
            return 0
        } catch let error as UsageError {
            let help = error.command.map { "comfyd help \($0)" } ?? "comfyd help"
            errorOutput("comfyd: \(error)\nTry \"\(help)\".\n")
            return 2
        } catch let error as ConfigurationProblems {
            let count = error.problems.count
            errorOutput("\(error)\ncomfyd: \(count) problem\(count == 1 ? "" : "s") in the configuration\n")
            return 2
        } catch let error as CommandFailure {
            errorOutput("comfyd: \(error)\n")
            return error.exitCode
        } catch {
            errorOutput("comfyd: \(error)\n")
            return 1
        }
    }

    /// Performs a command; returns what to print.
    private func perform(_ invocation: Invocation) async throws -> String? {
        switch invocation.command {
        case .run:
            try await runner.run(invocation)
            return nil
        case .check: return try await runner.check(invocation)
        case .sample(nil):
            return ConfigurationSample.file(
                host: .host, plugins: try await runner.documentation(plugin: nil, invocation))
        case .sample(let name?):
            let sections = try await runner.documentation(plugin: name, invocation)
            return sections.map(ConfigurationSample.plugin).joined(separator: "\n")
        case .reference:
            return ConfigurationReference.page(
                host: .host, plugins: try await runner.documentation(plugin: nil, invocation))
        case .routes: return try await runner.routes(invocation)
        case .openapi: return try await runner.openapi(invocation)
        case .plugins: return try await runner.plugins(invocation)
        case .setPlugin(let name, let enabled):
            // A misspelt name must not keep the daemon from its next start.
            if enabled { try await runner.findPlugin(name, invocation) }
            return try setPlugin(name, enabled, invocation)
        case .createToken(let new):
            let made = try await runner.createToken(new, invocation)
            for warning in made.warnings { errorOutput("comfyd: warning: \(warning)\n") }
            return made.text
        case .listTokens: return try await runner.listTokens(invocation)
        case .revokeToken(let id): return try await runner.revokeToken(id: id, invocation)
        case .adminToken: return try await runner.adminToken(invocation)
        case .backup(let path): return try await runner.backup(to: path, invocation)
        case .version: return "comfyd \(runner.version)"
        case .help(let name): return name.map { HelpText.command($0) } ?? HelpText.overview
        }
    }

    private func setPlugin(_ name: String, _ enabled: Bool, _ invocation: Invocation) throws -> String {
        let given = invocation.configurationFile ?? ConfigurationSource.defaultName
        let file = FilePath.absolute(given, in: workingDirectory)
        let state = enabled ? "enabled" : "disabled"
        let isChanged = try PluginSwitch.setPluginEnabled(file: file, name: name, enabled: enabled)
        guard isChanged else { return "\(name) is already \(state) in \(given)" }
        return "\(name) is \(state) in \(given); a running daemon takes it up on SIGHUP"
    }

    /// Writes a text to a descriptor; what cannot be written is lost.
    package static func print(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
