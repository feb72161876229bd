import PluginAPI

/// Takes the tags of a repository into the version catalog.
struct VersionSync: Sendable {
    /// Where the tags are.
    let settings: VersionSettings
    /// Where the versions are.
    let store: CatalogStore
    /// Reads the tags.
    let reader: TagReader

    /// What a sync did.
    struct Report: Sendable {
        /// The repository.
        var repositoryURL: String
        /// When its tags were read.
        var fetchedAt: Timestamp
        /// How many were read.
        var total: Int
        /// How many versions are new.
        var created = 0
        /// In how many versions something empty was filled.
        var updated = 0
        /// How many tags have no name that a version could have.
        var skipped = 0
    }

    /// Reads the newest tags, then adds those that are new and fills what is empty in the others, as one transaction.
    ///
    /// - Throws: ``HTTPError`` 400 `COMFYUI_VERSION_SOURCE_INVALID`, 502 `COMFYUI_VERSION_SYNC_FAILED`, and then nothing was
    ///   changed; ``DatabaseError``.
    func run(limit: Int, by author: ChangeAuthor) async throws -> Report {
        let repository = try VersionRepository(settings.repositoryURL, hosts: settings.hosts)
        let items = try await reader.tags(of: repository, limit: limit)
        let tags = items.compactMap { VersionTag($0, of: repository) }
        let start = Report(
            repositoryURL: repository.url, fetchedAt: reader.clock.wallClock, total: items.count,
            skipped: items.count - tags.count)
        return try await store.change(.versions, by: author) { writer in
            var report = start
            // GitHub has the newest first, and so has the catalog: of rows of one moment the last one added.
            for tag in tags.reversed() {
                switch try writer.upsert(tag.fields, existing: .fill) {
                case .created: report.created += 1
                case .changed: report.updated += 1
                case .unchanged: break
                }
            }
            return report
        }
    }
}
