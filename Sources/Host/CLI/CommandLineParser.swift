import PluginAPI

/// Turns the arguments of the process into an ``Invocation``.
///
/// Options may stand anywhere, as `--name value` or `--name=value`; after `--` everything is an argument.
package struct CommandLineParser {
    private var words: [String] = []
    private var configurationFile: String?
    private var overrides = CommandLineOverrides()
    private var key = KeyOptions()
    private var wantsHelp = false
    private var wantsVersion = false

    /// Parses the arguments, without the name of the program.
    ///
    /// - Throws: ``UsageError``, with a guess where a word is misspelt.
    package static func parse(_ arguments: [String]) throws(UsageError) -> Invocation {
        var parser = CommandLineParser()
        try parser.read(arguments)
        return try parser.invocation()
    }

    private mutating func read(_ arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                return
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                words.append(argument)
                continue
            }
            try readOption(argument, &rest)
        }
    }

    private mutating func readOption(_ argument: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
        let name = String(argument.prefix { $0 != "=" })
        let attached = argument.utf8.count > name.utf8.count ? String(argument.dropFirst(name.count + 1)) : nil
        let options = CommandTable.options + CommandTable.commands.flatMap(\.options)
        guard let option = options.first(where: { $0.name == name || $0.short == name }) else {
            guard name != "--version" else {
                wantsVersion = true
                return
            }
            let near = Spelling.nearest(to: name, in: options.map(\.name) + ["--version"])
            let command = words.first.flatMap { CommandTable.commands(under: [$0]).isEmpty ? nil : $0 }
            throw UsageError("unknown option \"\(name)\"" + guess(near), command: command)
        }
        guard option.value != nil else {
            guard attached == nil else { throw UsageError("option \(option.name) takes no value") }
            wantsHelp = true
            return
        }
        guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
            throw UsageError("option \(option.name) needs a value: \(option.name) \(option.value ?? "")")
        }
        try set(option, value)
    }

    private mutating func set(_ option: OptionHelp, _ value: String) throws(UsageError) {
        switch option.name {
        case "--config": try once(option, &configurationFile, value)
        case "--state-dir": try once(option, &overrides.stateDirectory, value)
        case "--log-level": try once(option, &overrides.logLevel, value)
        case "--log-format": try once(option, &overrides.logFormat, value)
        case "--listen": overrides.listen.append(value)
        case "--expires-in": try once(option, &key.lifetime, value)
        case "--rate-limit": try once(option, &key.rateLimit, value)
        default: key.scopes.append(value)
        }
    }

    private func once(_ option: OptionHelp, _ place: inout String?, _ value: String) throws(UsageError) {
        guard place == nil else { throw UsageError("option \(option.name) is given twice") }
        place = value
    }

    private func guess(_ near: String?) -> String {
        near.map { "; did you mean \"\($0)\"?" } ?? ""
    }
}

// MARK: - Commands

extension CommandLineParser {
    private func invocation() throws(UsageError) -> Invocation {
        Invocation(try command(), configurationFile: configurationFile, overrides: overrides)
    }

    private func command() throws(UsageError) -> Command {
        if wantsVersion { return .version }
        if wantsHelp, words.isEmpty { return .help(command: nil) }
        if words.first == "help" { return try help(Array(words.dropFirst())) }
        if wantsHelp { return try help(words) }
        guard !words.isEmpty else { return try withKeyOptions(.run, "run") }
        let help = try find(words)
        let arguments = Array(words.dropFirst(help.words.count))
        return try withKeyOptions(try command(help, arguments), help.name)
    }

    private func withKeyOptions(_ command: Command, _ name: String) throws(UsageError) -> Command {
        if case .createToken(let new) = command { return .createToken(try key.applied(to: new)) }
        guard let stray = key.first else { return command }
        throw UsageError("option \(stray) belongs to \"token create\"", command: name)
    }

    /// The command that the first words name.
    private func find(_ words: [String]) throws(UsageError) -> CommandHelp {
        let first = words.first ?? ""
        let candidates = CommandTable.commands(under: [first])
        guard let only = candidates.first else {
            let near = Spelling.nearest(to: first, in: Set(CommandTable.commands.compactMap(\.words.first)))
            throw UsageError("unknown command \"\(first)\"" + guess(near))
        }
        guard only.words.count > 1 else { return only }
        let seconds = candidates.compactMap { $0.words.dropFirst().first }
        guard let second = words.dropFirst().first else {
            throw UsageError("\"\(first)\" needs one of: \(seconds.joined(separator: ", "))", command: first)
        }
        guard let found = CommandTable.commands(under: [first, second]).first else {
            let near = Spelling.nearest(to: second, in: seconds)
            throw UsageError(
                "unknown command \"\(first) \(second)\"" + guess(near.map { "\(first) \($0)" }), command: first)
        }
        return found
    }

    private func command(_ help: CommandHelp, _ arguments: [String]) throws(UsageError) -> Command {
        let isOptional = help.arguments.hasPrefix("[")
        let most = help.arguments.isEmpty ? 0 : 1
        guard arguments.count <= most else {
            throw UsageError("\"\(help.name)\": unexpected argument \"\(arguments[most])\"", command: help.name)
        }
        guard isOptional || arguments.count == most else {
            throw UsageError("\"\(help.name)\" needs \(help.arguments)", command: help.name)
        }
        return Self.command(help.name, arguments.first)
    }

    private static func command(_ name: String, _ argument: String?) -> Command {
        let text = argument ?? ""
        return switch name {
        case "check": .check
        case "sample": .sample(plugin: argument)
        case "reference": .reference
        case "routes": .routes
        case "openapi": .openapi
        case "plugins": .plugins
        case "plugin enable": .setPlugin(name: text, enabled: true)
        case "plugin disable": .setPlugin(name: text, enabled: false)
        case "token create": .createToken(NewAPIKey(name: text))
        case "token list": .listTokens
        case "token revoke": .revokeToken(id: text)
        case "token admin": .adminToken
        case "backup": .backup(path: text)
        case "version": .version
        default: .run
        }
    }

    private func help(_ words: [String]) throws(UsageError) -> Command {
        guard !words.isEmpty else { return .help(command: nil) }
        guard CommandTable.commands(under: words).isEmpty else { return .help(command: words.joined(separator: " ")) }
        // `comfyd sample gateway --help` asks about `sample`.
        return .help(command: try find(words).name)
    }
}

/// The options of `token create`, as they were written.
private struct KeyOptions {
    var scopes: [String] = []
    var lifetime: String?
    var rateLimit: String?

    /// The name of one that is given.
    var first: String? {
        if !scopes.isEmpty { return "--scope" }
        return lifetime != nil ? "--expires-in" : rateLimit.map { _ in "--rate-limit" }
    }

    func applied(to new: NewAPIKey) throws(UsageError) -> NewAPIKey {
        var new = new
        if !scopes.isEmpty { new.scopes = scopes }
        if let lifetime {
            do throws(ConfigProblem) {
                new.lifetime = try Duration(config: .string(lifetime))
            } catch {
                throw UsageError("option --expires-in: \(error.description)", command: "token create")
            }
        }
        if let rateLimit {
            guard let number = Int(rateLimit) else {
                throw UsageError("option --rate-limit: expected a whole number", command: "token create")
            }
            new.rateLimit = number
        }
        do throws(APIKeyProblems) {
            try new.check()
        } catch {
            throw UsageError(error.description, command: "token create")
        }
        return new
    }
}
