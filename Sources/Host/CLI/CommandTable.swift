/// An option as it is documented.
struct OptionHelp: Sendable {
    let name: String
    /// The name of its value; nil for a flag.
    let value: String?
    let help: String
    var short: String?
    var isRepeatable = false

    /// Such as `-c, --config FILE`.
    var usage: String {
        (short.map { "\($0), " } ?? "    ") + name + (value.map { " \($0)" } ?? "")
    }
}

/// A command as it is documented.
struct CommandHelp: Sendable {
    /// The words that name it.
    let words: [String]
    /// The names of its arguments.
    var arguments = ""
    let summary: String
    var details = ""
    var options: [OptionHelp] = []

    var name: String { words.joined(separator: " ") }

    var usage: String {
        let own = options.map { "[\($0.name)\($0.value.map { " \($0)" } ?? "")]\($0.isRepeatable ? "..." : "")" }
        return (["comfyd", name, arguments] + own + ["[options]"]).filter { !$0.isEmpty }.joined(separator: " ")
    }
}

/// All commands and the options that each of them takes.
enum CommandTable {
    static let options = [
        OptionHelp(
            name: "--config", value: "FILE",
            help: "the configuration file (default: comfyd.yaml in the working directory, if it is there)",
            short: "-c"),
        OptionHelp(name: "--state-dir", value: "DIR", help: "ranks above state_dir"),
        OptionHelp(name: "--listen", value: "ADDRESS:PORT", help: "ranks above listen; may be given again"),
        OptionHelp(name: "--log-level", value: "LEVEL", help: "debug, info, notice, warning or error"),
        OptionHelp(name: "--log-format", value: "FORMAT", help: "text or json"),
        OptionHelp(name: "--help", value: nil, help: "print this", short: "-h"),
    ]

    static let commands = [
        CommandHelp(
            words: ["run"], summary: "run the daemon; what happens without a command",
            details: "SIGTERM and SIGINT end it after what is in flight; SIGHUP makes it read its file again."),
        CommandHelp(
            words: ["check"], summary: "say all that is wrong with the configuration",
            details: "Opens no socket and no database. Exit code 2 when something is wrong."),
        CommandHelp(
            words: ["sample"], arguments: "[PLUGIN]", summary: "print a commented configuration file",
            details: "With PLUGIN only the section of that plugin."),
        CommandHelp(words: ["reference"], summary: "print the reference of all configuration keys as Markdown"),
        CommandHelp(words: ["routes"], summary: "print the routes of the enabled plugins"),
        CommandHelp(words: ["openapi"], summary: "print the OpenAPI document of the enabled plugins"),
        CommandHelp(words: ["plugins"], summary: "print the plugins: found, enabled, refused and why"),
        CommandHelp(
            words: ["plugin", "enable"], arguments: "NAME", summary: "switch a plugin on in the configuration file",
            details: "Changes one line of the file. A running daemon takes it up on SIGHUP."),
        CommandHelp(
            words: ["plugin", "disable"], arguments: "NAME", summary: "switch a plugin off in the configuration file",
            details: "Changes one line of the file. A running daemon takes it up on SIGHUP."),
        CommandHelp(
            words: ["token", "create"], arguments: "NAME", summary: "make an API key and print it, once",
            details: "The key is on standard output, alone. A running daemon knows it at once.",
            options: [
                OptionHelp(
                    name: "--scope", value: "SCOPE", help: "what the key may do (default: jobs); may be given again",
                    isRepeatable: true),
                OptionHelp(
                    name: "--expires-in", value: "DURATION",
                    help: "how long it is accepted, such as 12h or 30d (default: until it is revoked)"),
                OptionHelp(name: "--rate-limit", value: "N", help: "requests a minute (default: no limit)"),
            ]),
        CommandHelp(words: ["token", "list"], summary: "print the API keys, without their secrets"),
        CommandHelp(
            words: ["token", "revoke"], arguments: "ID", summary: "revoke an API key",
            details: "A running daemon refuses it within a second."),
        CommandHelp(words: ["token", "admin"], summary: "print the admin token that the daemon made"),
        CommandHelp(
            words: ["backup"], arguments: "PATH",
            summary: "copy the database into a new file; works while the daemon runs"),
        CommandHelp(words: ["version"], summary: "print the version"),
        CommandHelp(words: ["help"], arguments: "[COMMAND]", summary: "print help, of one command or of all"),
    ]

    /// The commands whose name starts with these words.
    static func commands(under words: [String]) -> [CommandHelp] {
        commands.filter { $0.words.starts(with: words) }
    }
}
