import PluginAPI

/// Makes rows of `extension-node-map.json`: one for each node class.
struct NodeMapReader: ImportReader {
    private let document: ManagerDocument
    private let owners: NodeOwners
    private var next = 0

    /// Finds out whose each class is.
    init(_ document: ManagerDocument) throws {
        self.document = document
        owners = try NodeOwners(document)
    }

    mutating func end() -> [ImportRow]? {
        var rows: [ImportRow] = []
        while rows.count < CatalogImport.rowsPerBatch, let (name, value) = document.entry(next) {
            next += 1
            rows += self.rows(next, name, value)
        }
        return rows.isEmpty ? nil : rows
    }

    private func rows(_ line: Int, _ repository: String, _ value: JSON) -> [ImportRow] {
        guard let classes = value[0]?.arrayValue else {
            return [ImportRow(line: line, key: repository, problem: "The entry is not [[node classes], {…}].")]
        }
        if classes.isEmpty {
            return [ImportRow(line: line, key: repository, problem: "The entry names no node classes.")]
        }
        let title = value[1]?["title_aux"] ?? value[1]?["title"]
        let kind = CatalogKind.plugins
        return classes.map { item in
            guard let name = item.stringValue else {
                return ImportRow(line: line, key: repository, problem: "A node class is no text.")
            }
            if let owner = owners.owner(of: name), owner.entry != line - 1 {
                let words = "It is also in \(owner.repository), which \(owner.reason); that one counts."
                return ImportRow(line: line, key: name, problem: words)
            }
            return ImportRow(
                kind, line: line,
                values: [
                    "node_key": item, "display_name": item,
                    "package_name": ManagerText.short(title, of: kind["package_name"]),
                    "source_url": .string(repository),
                ])
        }
    }
}

/// Whose a node class is that several repositories have, as ComfyUI-Manager decides it: ComfyUI's own, else the last one that says that it
/// preempts the others, else the first.
private struct NodeOwners: Sendable {
    private enum Claim: Int, Comparable, Sendable {
        case first
        case preempts
        case core

        static func < (left: Claim, right: Claim) -> Bool { left.rawValue < right.rawValue }
    }

    private var owners: [[UInt8]: (entry: Int, claim: Claim)] = [:]
    private var names: [String] = []

    init(_ document: ManagerDocument) throws {
        for index in 0..<document.count {
            guard let (name, value) = document.entry(index) else { continue }
            names.append(name)
            let isCore = RepositoryGroups.repository(name)?.hasSuffix("/ComfyUI") ?? false
            // The list has preemptions of classes that the entry does not bring; those would leave a class without a row.
            let preempted = Set(
                (value[1]?["preemptions"]?.arrayValue ?? []).compactMap { $0.stringValue.map { Array($0.utf8) } })
            for item in value[0]?.arrayValue ?? [] {
                guard let name = item.stringValue.map({ Array($0.utf8) }) else { continue }
                claim(name, index, isCore ? .core : preempted.contains(name) ? .preempts : .first)
            }
            guard owners.count <= CatalogImport.mostRows else {
                throw HTTPError.bodyTooLarge(limit: CatalogImport.mostRows)
            }
        }
    }

    private mutating func claim(_ name: [UInt8], _ entry: Int, _ claim: Claim) {
        if let known = owners[name], known.claim > claim || known.claim == claim && claim != .preempts { return }
        owners[name] = (entry, claim)
    }

    /// The owner of a class, and why it is.
    func owner(of name: String) -> (entry: Int, repository: String, reason: String)? {
        guard let (entry, claim) = owners[Array(name.utf8)], names.indices.contains(entry) else { return nil }
        let reason =
            switch claim {
            case .first: "comes first"
            case .preempts: "preempts it"
            case .core: "is ComfyUI itself"
            }
        return (entry, names[entry], reason)
    }
}
