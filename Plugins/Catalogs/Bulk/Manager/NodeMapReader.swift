import PluginAPI

/// Makes rows of `extension-node-map.json`: one for each node class.
struct NodeMapReader: ImportReader {
    private let document: ManagerDocument
    private let owners: NodeOwners
    private var next = 0
    private var pack: Pack?

    /// An entry whose classes are not all given yet.
    private struct Pack: Sendable {
        let line: Int
        let repository: String
        let title: JSON?
        var classes: ArraySlice<JSON>
    }

    /// Finds out whose each class is.
    ///
    /// - Throws: ``HTTPError`` 413.
    init(_ document: ManagerDocument) throws {
        self.document = document
        owners = try NodeOwners(document)
    }

    mutating func end() -> [ImportRow]? {
        var rows: [ImportRow] = []
        while rows.count < CatalogImport.rowsPerBatch {
            if let item = pack?.classes.popFirst() {
                if let pack { rows.append(row(item, of: pack)) }
            } else if let (name, value) = document.entry(next) {
                next += 1
                open(name, value, &rows)
            } else {
                break
            }
        }
        return rows.isEmpty ? nil : rows
    }

    private mutating func open(_ repository: String, _ value: JSON, _ rows: inout [ImportRow]) {
        guard let classes = value[0]?.arrayValue, !classes.isEmpty else {
            let words =
                value[0]?.arrayValue == nil
                ? "The entry is not [[node classes], {…}]." : "The entry names no node classes."
            return rows.append(ImportRow(line: next, key: repository, problem: words))
        }
        let title = value[1]?["title_aux"] ?? value[1]?["title"]
        pack = Pack(line: next, repository: repository, title: title, classes: classes[...])
    }

    private func row(_ item: JSON, of pack: Pack) -> ImportRow {
        guard let name = item.stringValue else {
            return ImportRow(line: pack.line, key: pack.repository, problem: "A node class is no text.")
        }
        if let owner = owners.owner(of: name), owner.entry != pack.line - 1 {
            let words = "It is also in \(owner.repository), which \(owner.reason); that one counts."
            return ImportRow(line: pack.line, key: name, problem: words)
        }
        let kind = CatalogKind.plugins
        return ImportRow(
            kind, line: pack.line,
            values: [
                "node_key": item, "display_name": item,
                "package_name": ManagerText.short(pack.title, of: kind["package_name"]),
                "source_url": .string(pack.repository),
            ])
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
        var claims = 0
        for index in 0..<document.count {
            guard let (name, value) = document.entry(index) else { continue }
            names.append(name)
            let isCore = RepositoryGroups.repository(name)?.hasSuffix("/ComfyUI") ?? false
            // The list has preemptions of classes that the entry does not bring; those would leave a class without a row.
            let preempted = Set(
                (value[1]?["preemptions"]?.arrayValue ?? []).compactMap { $0.stringValue.map { Array($0.utf8) } })
            for item in value[0]?.arrayValue ?? [] {
                guard let name = item.stringValue.map({ Array($0.utf8) }) else { continue }
                claims += 1
                guard claims <= ManagerDocument.mostEntries else { throw ManagerDocument.tooMany("node classes") }
                claim(name, index, isCore ? .core : preempted.contains(name) ? .preempts : .first)
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
