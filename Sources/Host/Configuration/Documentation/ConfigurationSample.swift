import PluginAPI

/// Writes a commented configuration file from the documented keys.
///
/// `##` is text. A key that starts with `#` shows its default; one without must be given, and shows an example.
/// Removing a `#` and nothing else always leaves a valid file.
package enum ConfigurationSample {
    private static let width = 100

    /// The whole file: the host's keys, and the plugins as comments, because a listed plugin runs.
    package static func file(host: DocumentedSection, plugins: [DocumentedSection]) -> String {
        var lines = [
            "## Configuration of comfyd. Every key is shown with its default: remove the # to change it.",
            "## A text may hold ${NAME} for an environment variable, a secret file:/path for a file's contents.",
            "## The variable COMFYD_<PATH> ranks above a key, such as COMFYD_LOG_LEVEL above log.level.",
            "",
        ]
        for tree in ConfigEntryTree.trees(of: host.entries) {
            lines += block(tree, commented: true) + [""]
        }
        lines += ["## What runs. A plugin that is listed here is enabled unless it says otherwise.", "plugins:"]
        for plugin in plugins {
            lines += section(plugin).map { $0.hasPrefix("##") ? "  " + $0 : "  #" + $0 } + [""]
        }
        while lines.last?.isEmpty ?? false { lines.removeLast() }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The section of one plugin, as a file of its own.
    package static func plugin(_ plugin: DocumentedSection) -> String {
        let lines = ["plugins:"] + indented(section(plugin))
        return lines.joined(separator: "\n") + "\n"
    }

    private static func section(_ plugin: DocumentedSection) -> [String] {
        let keys = ConfigEntryTree.trees(of: plugin.entries).flatMap { block($0, commented: true) }
        return comment(plugin.summary, width: width - 2) + ["\(plugin.plugin ?? ""):"] + indented(keys)
    }

    /// One key with its help, at the left margin.
    private static func block(_ tree: ConfigEntryTree, commented: Bool) -> [String] {
        let help = comment(help(tree.entry), width: width - 2 * tree.entry.path.split(separator: ".").count)
        switch tree.entry.kind {
        case .value(_, let text, let required):
            let line = text.map { "\(tree.key): \($0)" } ?? "\(tree.key):"
            return help + [(commented && !required) || text == nil ? "#" + line : line]
        case .section:
            // Without keys a section is null, which means all its defaults.
            return help + ["\(tree.key):"] + indented(tree.children.flatMap { block($0, commented: commented) })
        case .list:
            let lines = ["\(tree.key):"] + indented(item(tree.children))
            return help + (commented ? lines.map { "#" + $0 } : lines)
        @unknown default:
            return []
        }
    }

    /// One item of a list, its keys with their defaults and examples.
    private static func item(_ keys: [ConfigEntryTree]) -> [String] {
        let lines = keys.flatMap { block($0, commented: false) }
        guard lines.contains(where: { !$0.hasPrefix("#") }) else { return ["- {}"] + indented(lines) }
        // The dash may stand on a line of its own only before a key, so it goes to the first one.
        guard let first = lines.firstIndex(where: { !$0.hasPrefix("#") }) else { return [] }
        return lines.enumerated().map { index, line in index == first ? "- " + line : "  " + line }
    }

    private static func help(_ entry: ConfigEntry) -> String {
        var text = entry.help
        if case .value(let type, _, let required) = entry.kind {
            text += (required ? " Required." : "") + " [\(short(type))]"
        }
        if let variable = entry.environment { text += " Variable: \(variable)." }
        return text
    }

    /// The type without its examples; the default beside it is one.
    private static func short(_ type: String) -> String {
        var name = ""
        for word in type.split(separator: " ") {
            if word == "such" { break }
            name += name.isEmpty ? String(word) : " \(word)"
            if word.hasSuffix(":") { return String(name.dropLast()) }
        }
        return name
    }

    private static func indented(_ lines: [String]) -> [String] {
        lines.map { "  " + $0 }
    }

    private static func comment(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = "##"
        for word in text.split(whereSeparator: { $0.isWhitespace }) {
            if line.count + 1 + word.count > width, line != "##" {
                lines.append(line)
                line = "##"
            }
            line += " \(word)"
        }
        return lines + [line]
    }
}
