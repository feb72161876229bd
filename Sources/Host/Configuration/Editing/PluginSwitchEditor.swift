import PluginAPI

/// The edits of ``PluginSwitch``, by the shape that the file has.
struct PluginSwitchEditor {
    private var scalars: [Unicode.Scalar]
    private let name: String
    private let enabled: Bool
    private let newline: String

    init(text: String, name: String, enabled: Bool) {
        scalars = Array(text.unicodeScalars)
        self.name = name
        self.enabled = enabled
        newline = scalars.contains("\r") ? "\r\n" : "\n"
    }

    /// The text after the edit; as it was when the file has a shape that is not edited.
    mutating func edited(_ root: YAMLNode) -> String {
        let isJSON = root.style == .flow
        if let plugins = root.member("plugins") {
            if let plugin = plugins.value.member(name) {
                editPlugin(plugin, quoted: isJSON)
            } else {
                addPlugin(to: plugins, quoted: isJSON)
            }
        } else {
            addPlugins(to: root, quoted: isJSON)
        }
        return String(String.UnicodeScalarView(scalars))
    }
}

// MARK: - Shapes

extension PluginSwitchEditor {
    /// The plugin is listed.
    private mutating func editPlugin(_ plugin: YAMLMember, quoted: Bool) {
        let section = plugin.value
        guard section.style != .alias else { return }
        if let flag = section.member("enabled") {
            replaceScalar(flag.value, with: "\(enabled)")
        } else if section.json.isNull {
            replaceScalar(section, with: quoted ? "{ \(pair(quoted: true)) }" : "{ \(pair(quoted: false)) }")
        } else if section.style == .flow {
            insertIntoBraces(section, pair(quoted: quoted))
        } else if let first = section.members.first {
            insertLines([indentation(first.mark) + pair(quoted: false)], afterLine: plugin.mark.line)
        }
    }

    /// There is a list of plugins, without this one.
    private mutating func addPlugin(to plugins: YAMLMember, quoted: Bool) {
        let list = plugins.value
        guard list.style != .alias else { return }
        if list.json.isNull, list.start.index == list.end.index {
            // `plugins:` with nothing behind it but comments.
            let margin = indentation(plugins.mark) + "  "
            insertLines(["\(margin)\(name):", "\(margin)  \(pair(quoted: false))"], afterLine: plugins.mark.line)
        } else if list.json.isNull {
            replaceScalar(list, with: "{ \(member(quoted: quoted)) }")
        } else if list.style == .flow {
            insertIntoBraces(list, member(quoted: quoted))
        } else if let first = list.members.first {
            let margin = indentation(first.mark)
            insertLines(["\(margin)\(name):", "\(margin)  \(pair(quoted: false))"], afterLine: lastLine(list))
        }
    }

    /// There is no list of plugins.
    private mutating func addPlugins(to root: YAMLNode, quoted: Bool) {
        if root.style == .flow, !root.json.isNull {
            let key = quoted ? "\"plugins\"" : "plugins"
            insertIntoBraces(root, "\(key): { \(member(quoted: quoted)) }")
            return
        }
        var lines = ["plugins:", "  \(name):", "    \(pair(quoted: false))"].map { $0 + newline }.joined()
        if let last = scalars.last, last != "\n" { lines = newline + lines }
        scalars += lines.unicodeScalars
    }

    private func pair(quoted: Bool) -> String {
        quoted ? "\"enabled\": \(enabled)" : "enabled: \(enabled)"
    }

    private func member(quoted: Bool) -> String {
        quoted ? "\"\(name)\": { \(pair(quoted: true)) }" : "\(name): { \(pair(quoted: false)) }"
    }
}

// MARK: - Text

extension PluginSwitchEditor {
    /// Replaces a scalar, or fills the place of an empty one.
    private mutating func replaceScalar(_ node: YAMLNode, with text: String) {
        guard case .scalar = node.content, node.start.index <= node.end.index, node.end.index <= scalars.count else {
            return
        }
        // The place of an empty value is right behind the colon, or in braces before the next sign.
        let needsSpace = node.start.index > 0 && scalars[node.start.index - 1] == ":"
        let range = node.start.index..<node.end.index
        scalars.replaceSubrange(range, with: ((needsSpace ? " " : "") + text).unicodeScalars)
    }

    private mutating func insertIntoBraces(_ node: YAMLNode, _ text: String) {
        // An anchor or a tag may stand before the brace.
        guard node.start.index < scalars.count,
            let brace = scalars[node.start.index...].firstIndex(of: "{")
        else { return }
        let after = brace + 1
        let inserted = node.members.isEmpty ? " \(text) " : scalars[after...].first == " " ? " \(text)," : "\(text), "
        scalars.insert(contentsOf: inserted.unicodeScalars, at: after)
    }

    private mutating func insertLines(_ lines: [String], afterLine line: Int) {
        var place = 0
        for _ in 0..<line {
            guard let end = scalars[place...].firstIndex(of: "\n") else {
                scalars += newline.unicodeScalars
                place = scalars.count
                break
            }
            place = end + 1
        }
        scalars.insert(contentsOf: lines.map { $0 + newline }.joined().unicodeScalars, at: place)
    }

    private func indentation(_ mark: YAMLMark) -> String {
        String(repeating: " ", count: mark.column - 1)
    }

    /// The last line that belongs to a node; libyaml ends collections by indentation where the next token starts.
    private func lastLine(_ node: YAMLNode) -> Int {
        switch node.content {
        case .sequence(let items) where node.style == .plain:
            return items.map(lastLine).max() ?? node.start.line
        case .mapping(let members) where node.style == .plain:
            return members.map { max($0.mark.line, lastLine($0.value)) }.max() ?? node.start.line
        default:
            // A block scalar ends at the start of the line after it.
            return node.end.column == 1 && node.end.line > node.start.line ? node.end.line - 1 : node.end.line
        }
    }
}
