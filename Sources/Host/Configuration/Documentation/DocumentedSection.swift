package import PluginAPI

/// The documented keys of the host or of one plugin, for sample and reference.
package struct DocumentedSection: Sendable {
    /// The plugin's name; nil for the host.
    package let plugin: String?
    /// One sentence.
    package let summary: String
    /// The keys in the order in which they are read.
    package let entries: [ConfigEntry]

    /// The host's own keys.
    package static var host: DocumentedSection {
        var reader = ConfigReader()
        _ = DaemonConfiguration(&reader)
        return DocumentedSection(plugin: nil, summary: "The daemon itself.", entries: reader.entries)
    }

    /// A plugin's keys, the host's three among them.
    package init(plugin name: String, summary: String, type: any ConfigurationSection.Type) {
        var reader = ConfigReader(path: "plugins.\(name)")
        _ = PluginEntry.HostKeys(&reader)
        _ = type.init(&reader)
        self.init(plugin: name, summary: summary, entries: reader.entries)
    }

    private init(plugin: String?, summary: String, entries: [ConfigEntry]) {
        self.plugin = plugin
        self.summary = summary
        self.entries = entries
    }
}

/// A key with the keys below it.
struct ConfigEntryTree {
    let entry: ConfigEntry
    let children: [ConfigEntryTree]

    /// The last part of the path.
    var key: String {
        String(entry.path.split(separator: ".").last ?? "")
    }

    /// Whether the key, or one that must be given below it, has no default.
    var isRequired: Bool {
        if case .value(_, _, let required) = entry.kind { return required }
        if case .list = entry.kind { return false }
        return children.contains { $0.isRequired }
    }

    /// Nests entries by their paths; they stand parents first, as a reader makes them.
    static func trees(of entries: [ConfigEntry]) -> [ConfigEntryTree] {
        var rest = entries[...]
        return trees(of: &rest, below: "")
    }

    private static func trees(of rest: inout ArraySlice<ConfigEntry>, below prefix: String) -> [ConfigEntryTree] {
        var trees: [ConfigEntryTree] = []
        while let entry = rest.first, entry.path.hasPrefix(prefix) {
            rest = rest.dropFirst()
            var children: [ConfigEntryTree] = []
            switch entry.kind {
            case .value: break
            case .section: children = Self.trees(of: &rest, below: entry.path + ".")
            case .list: children = Self.trees(of: &rest, below: entry.path + "[].")
            @unknown default: break
            }
            trees.append(ConfigEntryTree(entry: entry, children: children))
        }
        return trees
    }
}
