import PluginAPI

extension JobStore {
    /// Deletes ended jobs with their results and stories, those that ended first, up to a number.
    ///
    /// - Parameters:
    ///   - cutoff: Those that ended before.
    ///   - kept: Also those that are more than this number.
    ///   - limit: How many at once.
    /// - Returns: the ids of the deleted jobs.
    /// - Throws: ``DatabaseError``.
    func deleteEnded(before cutoff: Timestamp, keeping kept: Int, limit: Int) async throws -> [String] {
        let doomed = try await database.read { connection in
            let ended =
                try connection.first(
                    "SELECT COUNT(*) AS n FROM gateway_jobs WHERE finished_at IS NOT NULL"
                ) { try $0.get("n", as: Int.self) } ?? 0
            let old = try connection.all(
                """
                SELECT prompt_id FROM gateway_jobs WHERE finished_at < \(cutoff) ORDER BY finished_at LIMIT \(limit)
                """
            ) { try $0.get("prompt_id", as: String.self) }
            guard old.count < limit, ended - kept > old.count else { return old }
            return try connection.all(
                """
                SELECT prompt_id FROM gateway_jobs WHERE finished_at IS NOT NULL ORDER BY finished_at
                LIMIT \(min(limit, ended - kept))
                """
            ) { try $0.get("prompt_id", as: String.self) }
        }
        guard !doomed.isEmpty else { return [] }
        try await database.write { connection in
            for promptID in doomed {
                try connection.execute("DELETE FROM gateway_results WHERE prompt_id = \(promptID)")
                try connection.execute("DELETE FROM gateway_submissions WHERE prompt_id = \(promptID)")
                try connection.execute("DELETE FROM gateway_events WHERE prompt_id = \(promptID)")
                // Nothing leaves a final state, so it is still ended.
                try connection.execute("DELETE FROM gateway_jobs WHERE prompt_id = \(promptID)")
            }
        }
        return doomed
    }
}
