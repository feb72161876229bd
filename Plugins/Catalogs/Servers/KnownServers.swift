/// The servers that can be asked, and the ids that lead to them.
struct KnownServers: Sendable {
    /// The servers, each once.
    private(set) var servers: [CatalogServer] = []
    private var byID: [String: CatalogServer] = [:]
    private var listed: Set<String> = []

    /// The server that an id means.
    subscript(id: String) -> CatalogServer? { byID[id] }

    /// Those that count when all are asked, or some, by id; none with the address of another.
    ///
    /// - Parameter wanted: Ids that callers use, of which unknown ones are left out; empty for all.
    func active(among wanted: [String] = []) -> [CatalogServer] {
        let ids = Set(wanted.compactMap { self[$0]?.id })
        // Whoever names one server must not get none because another one has its address.
        let chosen = servers.filter { $0.isActive && (wanted.isEmpty || ids.contains($0.id)) }
        var urls: Set<String> = []
        return chosen.filter { urls.insert($0.baseURL).inserted }.sorted { $0.id < $1.id }
    }

    /// Adds a server under its id, unless that means another one.
    mutating func add(_ server: CatalogServer) {
        add(server, as: [server.id])
    }

    /// Adds a server under some ids; one that means another server already goes on meaning that.
    mutating func add(_ server: CatalogServer, as ids: [String]) {
        for id in ids where byID[id] == nil {
            byID[id] = server
            if listed.insert(server.id).inserted { servers.append(server) }
        }
    }
}
