import PluginAPI

/// The jobs on disk.
///
/// Every change of a state is compare-and-set: on the state, and on the assignment it is about.
struct JobStore: Sendable {
    private let database: any Database

    /// Works on a database.
    init(database: any Database) {
        self.database = database
    }

    /// Adds a job and the body to send, in one transaction.
    ///
    /// - Throws: ``DatabaseError`` `constraint` when the id is taken.
    func insert(_ job: Job, submission: [UInt8]) async throws {
        try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO gateway_jobs (prompt_id, client_id, state, worker_id, attempts, revision, node_count,
                    fingerprint, created_at, updated_at)
                VALUES (\(job.promptID), \(job.clientID), \(job.state.rawValue), \(job.workerID), \(job.attempts),
                    \(job.revision), \(job.nodeCount), \(job.fingerprint), \(job.createdAt), \(job.createdAt))
                """)
            try connection.execute(
                "INSERT INTO gateway_submissions (prompt_id, body) VALUES (\(job.promptID), \(submission))")
        }
    }

    /// Takes back a job that no worker has and no caller was told of.
    ///
    /// - Returns: false when it has ended; then it stays.
    /// - Throws: ``DatabaseError``.
    func withdraw(_ promptID: String) async throws -> Bool {
        try await database.write { connection in
            let result = try connection.execute(
                """
                DELETE FROM gateway_jobs WHERE prompt_id = \(promptID)
                    AND state IN (\(SQL.list(JobStateMachine.open.map(\.rawValue))))
                """)
            guard result.changes == 1 else { return false }
            try connection.execute("DELETE FROM gateway_submissions WHERE prompt_id = \(promptID)")
            return true
        }
    }

    /// Assigns a job to a worker; on disk before anything is sent there.
    ///
    /// - Returns: false when the job was changed by somebody else meanwhile.
    /// - Throws: ``DatabaseError``.
    func assign(_ job: Job, after revision: Int, at time: Timestamp) async throws -> Bool {
        try await database.write { connection in
            try connection.execute(
                """
                UPDATE gateway_jobs SET state = \(JobState.dispatching.rawValue), worker_id = \(job.workerID),
                    worker_prompt_id = NULL, attempts = \(job.attempts), revision = \(job.revision),
                    updated_at = \(time)
                WHERE prompt_id = \(job.promptID) AND revision = \(revision)
                    AND state IN (\(Self.sources(of: .dispatching)))
                """
            ).changes == 1
        }
    }

    /// Writes changes of state that are not final; those that are out of date change nothing.
    ///
    /// - Throws: ``DatabaseError``.
    func apply(_ transitions: [JobTransition]) async throws {
        try await database.write { connection in
            for transition in transitions {
                let job = transition.job
                try connection.execute(
                    """
                    UPDATE gateway_jobs SET state = \(job.state.rawValue), worker_id = \(job.workerID),
                        worker_prompt_id = \(job.workerPromptID), attempts = \(job.attempts),
                        number = \(job.number?.text()), node_errors = \(job.nodeErrors?.text()),
                        submitted_at = \(job.submittedAt), updated_at = \(transition.time)
                    WHERE prompt_id = \(job.promptID) AND revision = \(job.revision)
                        AND state IN (\(Self.sources(of: job.state)))
                    """)
            }
        }
    }

    /// Ends a job and keeps its result; the first end wins.
    ///
    /// - Returns: false when it had ended already.
    /// - Throws: ``DatabaseError``.
    func finish(_ job: Job, history: [UInt8]?, at time: Timestamp) async throws -> Bool {
        try await database.write { connection in
            let result = try connection.execute(
                """
                UPDATE gateway_jobs SET state = \(job.state.rawValue), worker_id = \(job.workerID),
                    worker_prompt_id = \(job.workerPromptID), attempts = \(job.attempts), error = \(job.error),
                    number = \(job.number?.text()), node_errors = \(job.nodeErrors?.text()),
                    submitted_at = \(job.submittedAt), finished_at = \(time), updated_at = \(time)
                WHERE prompt_id = \(job.promptID) AND state IN (\(Self.sources(of: job.state)))
                """)
            guard result.changes == 1 else { return false }
            try connection.execute("DELETE FROM gateway_submissions WHERE prompt_id = \(job.promptID)")
            guard let history else { return true }
            try connection.execute(
                "INSERT INTO gateway_results (prompt_id, history) VALUES (\(job.promptID), \(history))")
            return true
        }
    }

    private static func sources(of state: JobState) -> SQL {
        SQL.list(JobStateMachine.sources(of: state).map(\.rawValue))
    }
}

// MARK: - Reading

extension JobStore {
    /// All jobs that have not ended, oldest first.
    ///
    /// - Throws: ``DatabaseError``.
    func openJobs() async throws -> [Job] {
        try await database.read { connection in
            try connection.all(
                """
                SELECT * FROM gateway_jobs WHERE state IN (\(SQL.list(JobStateMachine.open.map(\.rawValue))))
                ORDER BY created_at, prompt_id
                """, Self.job)
        }
    }

    /// A job with its result, if it has one.
    ///
    /// - Throws: ``DatabaseError``.
    func job(_ promptID: String) async throws -> (job: Job, history: [UInt8]?)? {
        try await database.read { connection in
            guard
                let job = try connection.first("SELECT * FROM gateway_jobs WHERE prompt_id = \(promptID)", Self.job)
            else { return nil }
            let history = try connection.first("SELECT history FROM gateway_results WHERE prompt_id = \(promptID)") {
                try $0.get("history", as: [UInt8].self)
            }
            return (job, history)
        }
    }

    /// The body to send, without the ids.
    ///
    /// - Throws: ``DatabaseError``.
    func submission(_ promptID: String) async throws -> [UInt8]? {
        try await database.read { connection in
            try connection.first("SELECT body FROM gateway_submissions WHERE prompt_id = \(promptID)") {
                try $0.get("body", as: [UInt8].self)
            }
        }
    }

    private static func job(_ row: Row) throws -> Job {
        let word: String = try row.get("state")
        guard let state = JobState(rawValue: word) else {
            throw DatabaseError(.misuse, "unknown state \"\(word)\" in gateway_jobs")
        }
        return Job(
            promptID: try row.get("prompt_id"), clientID: try row.optional("client_id"), state: state,
            workerID: try row.optional("worker_id"), workerPromptID: try row.optional("worker_prompt_id"),
            attempts: try row.get("attempts"), revision: try row.get("revision"),
            nodeCount: try row.get("node_count"), fingerprint: try row.get("fingerprint"),
            number: try json(row, "number"), nodeErrors: try json(row, "node_errors"),
            error: try row.optional("error"), createdAt: try row.get("created_at"),
            submittedAt: try row.optional("submitted_at"), finishedAt: try row.optional("finished_at"))
    }

    private static func json(_ row: Row, _ column: String) throws -> JSON? {
        guard let text = try row.optional(column, as: String.self) else { return nil }
        return try? JSON(parsing: text, options: JSONParseOptions(allowsNonFiniteNumbers: true))
    }
}
