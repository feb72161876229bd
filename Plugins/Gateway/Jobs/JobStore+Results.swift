import PluginAPI

/// A result that is on disk.
struct StoredResult: Sendable {
    /// The job.
    let promptID: String
    /// When it ended.
    let finishedAt: Timestamp
}

extension JobStore {
    /// The newest results, the oldest of them first.
    ///
    /// - Parameter caller: Whose; `nil` for all.
    /// - Throws: ``DatabaseError``.
    func results(of caller: String?, newest count: Int) async throws -> [StoredResult] {
        try await results(of: caller, "ORDER BY finished_at DESC, sequence DESC LIMIT \(count)").reversed()
    }

    /// Some of the results, the oldest first.
    ///
    /// - Parameters:
    ///   - caller: Whose; `nil` for all.
    ///   - skipped: How many of the oldest are left out.
    /// - Throws: ``DatabaseError``.
    func results(of caller: String?, oldest count: Int, after skipped: Int) async throws -> [StoredResult] {
        try await results(of: caller, "ORDER BY finished_at, sequence LIMIT \(count) OFFSET \(skipped)")
    }

    private func results(of caller: String?, _ order: SQL) async throws -> [StoredResult] {
        let own: SQL = caller.map { "AND caller = \($0)" } ?? ""
        return try await database.read { connection in
            try connection.all(
                """
                SELECT prompt_id, finished_at FROM gateway_jobs
                WHERE finished_at IS NOT NULL
                    AND EXISTS (SELECT 1 FROM gateway_results WHERE gateway_results.prompt_id = gateway_jobs.prompt_id)
                """ + " " + own + " " + order
            ) { row in
                StoredResult(promptID: try row.get("prompt_id"), finishedAt: try row.get("finished_at"))
            }
        }
    }
}
