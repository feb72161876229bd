import PluginAPI

extension JobEngine {
    /// How many jobs are deleted in one write: a submission may have to wait for it.
    private static let sweep = 50

    /// Deletes ended jobs that are older than `retention.age`, or more than `retention.jobs`.
    ///
    /// Each pause is as long as the write before it, so that others get half of the disk.
    ///
    /// - Throws: ``DatabaseError``, `CancellationError`.
    func deleteOldJobs() async throws {
        let cutoff = context.clock.wallClock.advanced(by: .zero - configuration.retention.age)
        let excess = try await store.endedJobs() - configuration.retention.jobs
        var count = 0
        defer { if count > 0 { context.logger.info("old jobs deleted", ["jobs": "\(count)"]) } }
        while !Task.isCancelled {
            let began = now
            let deleted = try await store.deleteEnded(before: cutoff, excess: excess - count, limit: Self.sweep)
            cache.forget(deleted)
            metrics.deleted(deleted.count)
            count += deleted.count
            guard deleted.count == Self.sweep else { return }
            try await context.clock.sleep(for: began.duration(to: now))
        }
    }
}
