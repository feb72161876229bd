import PluginAPI

/// Writes the Markdown reference of all keys.
package enum ConfigurationReference {
    /// The page.
    package static func page(host: DocumentedSection, plugins: [DocumentedSection]) -> String {
        var lines = [
            "# Configuration reference", "",
            "Made by `comfyd reference`; do not edit by hand. `comfyd sample` prints a file to start from,",
            "`comfyd check` says all that is wrong with one.", "",
            "- Values rank: command line, `COMFYD_<PATH>` (the path in upper case, dots as underscores), the variable",
            "  named below, file, default. A variable that is set but empty counts as absent. A `.env` file beside the",
            "  configuration file adds variables that the environment does not set. Keys in lists have none.",
            "- A text may hold `${NAME}` or `${NAME:-default}`; `$${` stands for `${`. A secret may be `file:/path`.",
            "- A variable for a list holds its items between commas.", "",
            "## Host", "",
        ]
        lines += tables(host, below: "")
        for plugin in plugins {
            let name = plugin.plugin ?? ""
            lines += ["", "## Plugin `\(name)`", "", plugin.summary, "", "Keys below `plugins.\(name)`.", ""]
            lines += tables(plugin, below: "plugins.\(name).")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// One table; the keys of sections stand in it by their path.
    private static func tables(_ section: DocumentedSection, below prefix: String) -> [String] {
        let head = ["| key | type | default | variable | what it does |", "|---|---|---|---|---|"]
        return head + section.entries.map { row($0, below: prefix) }
    }

    private static func row(_ entry: ConfigEntry, below prefix: String) -> String {
        var type = ""
        var fallback = ""
        switch entry.kind {
        case .value(let name, let text, let required):
            type = name
            fallback = required ? "required, such as \(code(text ?? ""))" : text.map(code) ?? ""
        case .section: type = "section"
        case .list: type = "list of sections"
        @unknown default: break
        }
        let key = entry.path.hasPrefix(prefix) ? String(entry.path.dropFirst(prefix.count)) : entry.path
        let cells = [code(key), type, fallback, entry.environment.map(code) ?? "", entry.help]
        return "| " + cells.map { escaped($0) }.joined(separator: " | ") + " |"
    }

    private static func code(_ text: String) -> String {
        "`\(text)`"
    }

    private static func escaped(_ text: String) -> String {
        String(text.flatMap { $0 == "|" ? "\\|" : $0 == "<" ? "&lt;" : String($0) })
    }
}
