extension ConfigReader {
    /// Reads a nested section; absent means all its defaults.
    public mutating func section<S: ConfigurationSection>(_ key: String, as type: S.Type, _ help: String) -> S {
        known.insert(key)
        entries.append(ConfigEntry(path: join(key), kind: .section, help: help))
        let given = values[key] ?? .null
        var reader = ConfigReader(
            path: join(key), values: given.objectValue ?? [:], sources: sources, inList: inList)
        let section = S(&reader)
        entries += reader.entries
        if given.objectValue == nil, !given.isNull {
            // What a section of another shape lacks is not worth a line per key.
            report("expected a section of keys", at: key)
        } else {
            problems += reader.finished().problems
        }
        return section
    }

    /// Reads a list of sections; absent means none.
    ///
    /// Items that are no sections are reported and left out.
    public mutating func list<S: ConfigurationSection>(_ key: String, of type: S.Type, _ help: String) -> [S] {
        known.insert(key)
        entries.append(ConfigEntry(path: join(key), kind: .list, help: help))
        var sample = ConfigReader(path: "\(join(key))[]", values: [:], sources: Sources(), inList: true)
        _ = S(&sample)
        entries += sample.entries
        guard let given = values[key], !given.isNull else { return [] }
        guard let items = given.arrayValue else {
            report("expected a list", at: key)
            return []
        }
        var sections: [S] = []
        for (index, item) in items.enumerated() {
            let place = "\(key)[\(index + 1)]"
            guard let values = item.objectValue else {
                report("expected a section of keys", at: place)
                continue
            }
            var reader = ConfigReader(path: join(place), values: values, sources: sources, inList: true)
            sections.append(S(&reader))
            problems += reader.finished().problems
        }
        return sections
    }

    func join(_ key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }
}
