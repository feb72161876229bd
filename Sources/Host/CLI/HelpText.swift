/// The texts of `comfyd help`.
enum HelpText {
    /// The overview.
    static var overview: String {
        let width = (CommandTable.commands.map { synopsis($0).count }.max() ?? 0) + 2
        let commands = CommandTable.commands.map { "  " + padded(synopsis($0), width) + $0.summary }
        return """
            comfyd: one daemon for a handful of ComfyUI servers

            Usage: comfyd [command] [options]

            Commands:
            \(commands.joined(separator: "\n"))

            Options:
            \(list(CommandTable.options))

            Exit codes: 0 done; 1 failed; 2 wrong configuration or command line.
            "comfyd help COMMAND" tells more about one command.

            """
    }

    /// The help of the commands whose names start with these words.
    static func command(_ name: String) -> String {
        let commands = CommandTable.commands(under: name.split(separator: " ").map(String.init))
        let texts = commands.map { command in
            var text = "Usage: \(command.usage)\n\n\(sentence(command.summary))"
            if !command.details.isEmpty { text += "\n\(command.details)" }
            return text + "\n"
        }
        let options = commands.flatMap(\.options) + CommandTable.options
        return texts.joined(separator: "\n") + "\nOptions:\n\(list(options))\n"
    }

    private static func synopsis(_ command: CommandHelp) -> String {
        command.arguments.isEmpty ? command.name : "\(command.name) \(command.arguments)"
    }

    private static func list(_ options: [OptionHelp]) -> String {
        let width = (options.map(\.usage.count).max() ?? 0) + 2
        return options.map { "  " + padded($0.usage, width) + $0.help }.joined(separator: "\n")
    }

    private static func sentence(_ summary: String) -> String {
        summary.prefix(1).uppercased() + summary.dropFirst() + "."
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
