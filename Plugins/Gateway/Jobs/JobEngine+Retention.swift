import PluginAPI

extension JobEngine {
    /// How many jobs are deleted in one write: others do not wait longer than for these.
    private static let sweep = 250

    /// Deletes ended jobs that are older than `retention.age`, or more than `retention.jobs`.
    ///
    /// - Throws: ``DatabaseError``.
    func deleteOldJobs() async throws {
        let age = configuration.retention.age.inNanoseconds / 1_000_000
        let cutoff = Timestamp(milliseconds: context.clock.wallClock.milliseconds - age)
        var count = 0
        defer { if count > 0 { context.logger.info("old jobs deleted", ["jobs": "\(count)"]) } }
        while !Task.isCancelled {
            let deleted = try await store.deleteEnded(
                before: cutoff, keeping: configuration.retention.jobs, limit: Self.sweep)
            cache.forget(deleted)
            metrics.deleted(deleted.count)
            count += deleted.count
            guard deleted.count == Self.sweep else { return }
        }
    }
}
