import PluginAPI

/// A part of a list of jobs.
struct JobPage: Sendable {
    /// The jobs, newest first.
    var jobs: [Job]
    /// How many the whole list has; `nil` when nobody counted.
    var total: Int?
}

extension JobStore {
    /// Up to how many jobs of the wanted states are sorted; with more, they are looked for from the newest on.
    private static let sortable = 2000

    /// A part of the jobs that a filter lets through, newest first.
    ///
    /// - Parameter counting: Whether to count the whole list, which takes time in a long one.
    /// - Throws: ``DatabaseError``.
    func list(_ filter: TaskFilter, offset: Int, limit: Int, counting: Bool) async throws -> JobPage {
        try await database.read { connection in
            var condition: SQL = "1 = 1"
            if let states = filter.states {
                guard !states.isEmpty else { return JobPage(jobs: [], total: 0) }
                condition = "state IN (\(SQL.states(states)))"
                let many = try Self.count(condition + " LIMIT \(Self.sortable + 1)", connection) > Self.sortable
                // Keeps the database from fetching all of these states to sort them.
                if many { condition = "COALESCE(state, '') IN (\(SQL.states(states)))" }
            }
            condition = condition + filter.conditions
            let jobs = try connection.all(
                """
                SELECT \(Self.columns) FROM gateway_jobs WHERE \(condition)
                ORDER BY sequence DESC, created_at DESC LIMIT \(limit) OFFSET \(offset)
                """, Self.job)
            // A part that is not full is the last one.
            if jobs.count < limit, !jobs.isEmpty || offset == 0 {
                return JobPage(jobs: jobs, total: offset + jobs.count)
            }
            guard counting else { return JobPage(jobs: jobs) }
            var counted: SQL = "1 = 1"
            if let states = filter.states { counted = "state IN (\(SQL.states(states)))" }
            return JobPage(jobs: jobs, total: try Self.count(counted + filter.conditions, connection))
        }
    }

    /// The newest jobs of a WebSocket id, the newest first.
    ///
    /// - Throws: ``DatabaseError``.
    func jobs(ofClient clientID: String, limit: Int) async throws -> [Job] {
        try await database.read { connection in
            try connection.all(
                """
                SELECT \(Self.columns) FROM gateway_jobs WHERE client_id = \(clientID)
                ORDER BY sequence DESC LIMIT \(max(0, limit))
                """, Self.job)
        }
    }

    /// Counts jobs by a condition that may end with a limit.
    private static func count(_ condition: SQL, _ connection: any SQLConnection) throws -> Int {
        try connection.first(
            "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM gateway_jobs WHERE \(condition)) AS found"
        ) {
            try $0.get("n", as: Int.self)
        } ?? 0
    }
}
