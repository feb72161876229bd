import PluginAPI

extension JobStore {
    /// How many ended jobs are kept.
    ///
    /// - Throws: ``DatabaseError``.
    func endedJobs() async throws -> Int {
        try await database.read { connection in
            try connection.first("SELECT COUNT(*) AS n FROM gateway_jobs WHERE finished_at IS NOT NULL") {
                try $0.get("n", as: Int.self)
            } ?? 0
        }
    }

    /// Deletes ended jobs with their results and stories, those that ended first.
    ///
    /// - Parameters:
    ///   - cutoff: Those that ended before.
    ///   - excess: At least so many, whenever they ended.
    ///   - limit: How many at most.
    /// - Returns: the ids of the deleted jobs.
    /// - Throws: ``DatabaseError``.
    func deleteEnded(before cutoff: Timestamp, excess: Int, limit: Int) async throws -> [String] {
        let doomed = try await database.read { connection in
            let oldest = try connection.all(
                """
                SELECT prompt_id, finished_at FROM gateway_jobs WHERE finished_at IS NOT NULL
                ORDER BY finished_at LIMIT \(limit)
                """
            ) { (id: try $0.get("prompt_id", as: String.self), end: try $0.get("finished_at", as: Timestamp.self)) }
            return oldest.enumerated().filter { $0.offset < excess || $0.element.end < cutoff }.map(\.element.id)
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
