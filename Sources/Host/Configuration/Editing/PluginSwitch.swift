import PluginAPI

/// Switches a plugin on or off in the text of a configuration file, leaving all else as it is.
package enum PluginSwitch {
    /// Sets `plugins.<name>.enabled` in a file; comments, order and mode stay.
    ///
    /// - Returns: Whether the file was changed; it is not when it already says so.
    /// - Throws: ``ConfigurationProblems`` when the file is no valid YAML, ``FileProblem`` when it cannot be read or
    ///   written, or is written in a way that only a person should change (such as an alias in that place).
    package static func setPluginEnabled(file: String, name: String, enabled: Bool) throws -> Bool {
        let text = try TextFile.read(file)
        do {
            guard let edited = try edited(text, file: file, name: name, enabled: enabled) else { return false }
            try TextFile.replace(file, with: edited)
            return true
        } catch let problem as YAMLProblem {
            throw ConfigurationProblems(problem)
        }
    }

    /// The text with the change; nil when there is nothing to change.
    static func edited(_ text: String, file: String, name: String, enabled: Bool) throws -> String? {
        guard PluginEntry.isName(name) else { throw FileProblem("\"\(name)\" is not the name of a plugin") }
        let root = try YAML.parse(text, file: file)
        let plugin = root.json["plugins"]?[name]
        let current = plugin.map { $0["enabled"]?.boolValue ?? ($0["enabled"]?.isNull ?? true ? true : nil) } ?? false
        guard current != enabled else { return nil }
        var editor = PluginSwitchEditor(text: text, name: name, enabled: enabled)
        let edited = editor.edited(root)

        // The change is made on the text, so it is proved on the values before anybody relies on it.
        var expected = root.json.isNull ? [:] : root.json
        var plugins = expected["plugins"].flatMap { $0.isNull ? nil : $0 } ?? [:]
        var section = plugins[name].flatMap { $0.isNull ? nil : $0 } ?? [:]
        section["enabled"] = .bool(enabled)
        plugins[name] = section
        expected["plugins"] = plugins
        guard let result = try? YAML.parse(edited, file: file), result.json == expected else {
            throw FileProblem("cannot change \"\(file)\" without rewriting it; set plugins.\(name).enabled by hand")
        }
        return edited
    }
}
