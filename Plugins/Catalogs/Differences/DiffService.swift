import PluginAPI

/// Stores what servers lack, as callers found out or as the daemon does itself.
struct DiffService: Sendable {
    /// The snapshots.
    let store: DiffStore
    /// Knows the servers.
    let directory: ServerDirectory
    /// Knows what they have.
    let inventories: InventoryCache
    /// Where the work is done that takes long.
    let blocking: any BlockingThreads

    /// How many servers are asked at once.
    static let mostAtOnce = 8

    /// Stores a snapshot; computes it when the caller has none.
    ///
    /// - Throws: ``HTTPError`` of the baseline and of executors that were named: 404, 400 and, of the baseline alone, 502;
    ///   413 `SERVER_DIFF_TOO_LARGE`; ``DatabaseError``.
    func save(_ form: DiffForm, by author: ChangeAuthor) async throws -> StoredDiff {
        guard let servers = form.servers else { return try await compute(form, by: author) }
        let known = try await directory.known()
        let (findings, text) = try await blocking.run {
            (
                ServerFinding.all(in: servers.arrayValue ?? [], baseline: form.baseline, known: known),
                JSON.object(form.payload).serialized()
            )
        }
        return try await store.save(
            baseline: form.baseline, payload: text, isComputed: false, findings: findings, by: author)
    }

    private func compute(_ form: DiffForm, by author: ChangeAuthor) async throws -> StoredDiff {
        let baseline = try await directory.server(form.baseline)
        let servers = try await servers(form, baseline)
        let inventory = try await inventories.inventory(of: baseline, refresh: true)
        let contents = try await blocking.run { ServerDifference.Baseline(inventory) }
        let targets = try await compare(servers, baseline, inventory, contents)
        let snapshot = DiffSnapshot(baseline: baseline, targets: targets, time: store.clock.wallClock)
        let sources = try await store.database.read { connection in
            try CatalogSources(for: targets.compactMap(\.difference), connection)
        }
        let text = try await blocking.run { try snapshot.text(sources, extras: form.payload) }
        return try await store.save(
            baseline: form.baseline, payload: text, isComputed: true, findings: ServerFinding.all(in: snapshot),
            by: author)
    }

    /// The servers to compare, the baseline among them, each once and by id.
    private func servers(_ form: DiffForm, _ baseline: CatalogServer) async throws -> [CatalogServer] {
        var servers = [baseline]
        if let ids = form.executorIDs {
            for id in ids { servers.append(try await directory.server(id)) }
        } else {
            servers += try await directory.active()
        }
        var seen: Set<String> = []
        return servers.filter { seen.insert($0.id).inserted }.sorted { $0.id < $1.id }
    }

    /// Asks the servers; of what each has only the difference is kept, because that is small.
    private func compare(
        _ servers: [CatalogServer], _ baseline: CatalogServer, _ inventory: ServerInventory,
        _ contents: ServerDifference.Baseline
    ) async throws -> [DiffSnapshot.Target] {
        try await withThrowingTaskGroup(of: (Int, DiffSnapshot.Target).self) { group in
            var waiting = Array(servers.enumerated()).makeIterator()
            func ask() -> Bool {
                guard let (index, server) = waiting.next() else { return false }
                group.addTask {
                    let known = server.id == baseline.id ? inventory : nil
                    return (index, try await self.compare(server, known, contents))
                }
                return true
            }
            for _ in 0..<Self.mostAtOnce { guard ask() else { break } }
            var targets: [(index: Int, target: DiffSnapshot.Target)] = []
            while let (index, target) = try await group.next() {
                targets.append((index, target))
                _ = ask()
            }
            return targets.sorted { $0.index < $1.index }.map(\.target)
        }
    }

    private func compare(
        _ server: CatalogServer, _ known: ServerInventory?, _ baseline: ServerDifference.Baseline
    ) async throws -> DiffSnapshot.Target {
        // A caller who went away wants no further server to be asked.
        try Task.checkCancellation()
        do {
            let inventory =
                if let known { known } else { try await inventories.inventory(of: server, refresh: true) }
            let difference = try await blocking.run { ServerDifference(of: inventory, from: baseline) }
            return DiffSnapshot.Target(server: server, result: .success(difference))
        } catch let error as HTTPError {
            return DiffSnapshot.Target(server: server, result: .failure(error))
        }
    }
}
