import PluginAPI

/// What the last snapshot with a server said of it.
struct ServerMark: Sendable, Equatable {
    /// What part a server plays.
    enum Role: String, Sendable, CaseIterable {
        /// The others are to have what it has.
        case master
        /// It is to have what the master has.
        case worker
    }

    /// Its part.
    var role: Role
    /// When nothing was missing there the last time.
    var lastSyncAt: Timestamp?
}

/// What a snapshot says of a server.
struct ServerFinding: Sendable, Equatable {
    /// The server.
    let executorID: String
    /// Its part.
    let role: ServerMark.Role
    /// Whether nothing is missing there.
    let isInSync: Bool

    /// What a snapshot of ours says.
    static func all(in snapshot: DiffSnapshot) -> [ServerFinding] {
        snapshot.targets.map { target in
            let isBaseline = target.server.id == snapshot.baseline.id
            return ServerFinding(
                executorID: target.server.id, role: isBaseline ? .master : .worker,
                isInSync: isBaseline || target.difference?.isEmpty ?? false)
        }
    }

    /// What a caller's snapshot says of the servers that are known; each once.
    ///
    /// A server is in sync when the five kinds that every snapshot has are there, and nothing is missing of any kind.
    static func all(in servers: [JSON], baseline: String, known: KnownServers) -> [ServerFinding] {
        let baseline = known[baseline]?.id ?? baseline
        var order: [String] = []
        var inSync: [String: Bool] = [:]
        for entry in servers {
            guard let given = entry["server"]?["id"]?.stringValue, let id = known[given]?.id else { continue }
            if inSync[id] == nil { order.append(id) }
            inSync[id] = inSync[id, default: true] && (id == baseline || lacksNothing(entry["missing"]))
        }
        return order.map { id in
            ServerFinding(executorID: id, role: id == baseline ? .master : .worker, isInSync: inSync[id] ?? false)
        }
    }

    private static func lacksNothing(_ missing: JSON?) -> Bool {
        guard let missing = missing?.objectValue else { return false }
        return ServerDifference.commonKinds.allSatisfy { missing.contains($0) }
            && missing.values.allSatisfy { $0.arrayValue?.isEmpty ?? false }
    }
}
