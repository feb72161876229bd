import PluginAPI

/// Makes rows of `custom-node-list.json`: what an entry says goes to the node classes that come from its repository.
///
/// The list names no classes, so they are looked for in the catalog, by their `source_url`.
struct NodeListReader: ImportReader {
    /// The most files of an entry that are looked at.
    private static let mostFiles = 20

    private let entries: [Entry]
    /// The entry of each address.
    private let places: [String: Int]
    private var problems: [ImportRow]
    private var found: Set<Int> = []
    private var last: Int64? = 0

    /// What an entry says.
    private struct Entry: Sendable {
        let line: Int
        let reference: String
        let fields: JSONObject
    }

    /// Finds the entry of each address; of several with the same one the first counts.
    init(_ document: ManagerDocument) {
        var entries: [Entry] = []
        var places: [String: Int] = [:]
        problems = []
        for index in 0..<document.count {
            guard let value = document.entry(index)?.value.objectValue else {
                problems.append(ImportRow(line: index + 1, problem: "The entry is no JSON object."))
                continue
            }
            let files = (value["files"]?.arrayValue ?? []).prefix(Self.mostFiles).compactMap(\.stringValue)
            let reference = value["reference"]?.stringValue ?? files.first ?? ""
            let addresses = Set(([reference] + files).compactMap(Self.address))
            let free = addresses.filter { places[$0] == nil }
            guard !free.isEmpty else {
                let known = addresses.compactMap { places[$0] }.min().map { entries[$0].line }
                let words = known.map { "Its addresses are already in entry \($0)." } ?? "It has no address."
                problems.append(ImportRow(line: index + 1, key: reference, problem: words))
                continue
            }
            for address in free { places[address] = entries.count }
            entries.append(Entry(line: index + 1, reference: reference, fields: Self.fields(value, files)))
        }
        self.entries = entries
        self.places = places
    }

    mutating func end() -> [ImportRow]? {
        defer { problems = [] }
        return problems.isEmpty ? nil : problems
    }

    mutating func page(of store: CatalogStore) async throws -> [ImportRow]? {
        guard let after = last else { return nil }
        let (places, entries) = (places, entries)
        let page = try await store.fold(
            CatalogQuery().statement(.plugins, after: after, limit: CatalogStore.batch), .plugins, into: Page()
        ) { page, row in
            page.count += 1
            page.last = row.id
            guard let address = Self.address(row.values["source_url"]?.stringValue), let place = places[address]
            else { return }
            page.found.insert(place)
            page.rows.append(Self.row(row, entries[place]))
        }
        found.formUnion(page.found)
        last = page.count < CatalogStore.batch ? nil : page.last
        return last == nil ? page.rows + missing : page.rows
    }

    /// What one reading of the catalog gives.
    private struct Page: Sendable {
        var rows: [ImportRow] = []
        var found: Set<Int> = []
        var count = 0
        var last: Int64?
    }

    /// The entries that no node class of the catalog comes from.
    private var missing: [ImportRow] {
        entries.enumerated().filter { !found.contains($0.offset) }.map { _, entry in
            ImportRow(
                line: entry.line, key: entry.reference,
                problem: """
                    No node class of \(entry.reference) is in the catalog; import extension-node-map.json first.
                    """)
        }
    }

    private static func row(_ row: CatalogEntry, _ entry: Entry) -> ImportRow {
        var values = entry.fields
        values["node_key"] = row.values["node_key"]
        return ImportRow(.plugins, line: entry.line, values: values, isChange: true)
    }

    /// The fields that an entry has something for; an empty one clears nothing.
    private static func fields(_ entry: JSONObject, _ files: [String]) -> JSONObject {
        let kind = CatalogKind.plugins
        var fields: JSONObject = [:]
        fields["package_name"] = entry["title"].map { ManagerText.short($0, of: kind["package_name"]) }
        fields["description"] = entry["description"].map { ManagerText.short($0, of: kind["description"]) }
        fields["version"] = entry["version"]
        fields["tags"] = entry["tags"]
        // What to clone, to copy or to unpack; several files have no one address.
        if let file = files.first, files.count == 1 { fields["download_url"] = .string(file) }
        return JSONObject(fields.filter { !$0.value.isNull && $0.value != "" })
    }

    /// One spelling of an address, whatever its letters' case.
    private static func address(_ text: String?) -> String? {
        RepositoryGroups.repository(text)?.lowercased()
    }
}
