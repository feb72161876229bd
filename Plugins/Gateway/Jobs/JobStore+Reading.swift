import PluginAPI

extension JobStore {
    /// All jobs that have not ended, oldest first.
    ///
    /// - Throws: ``DatabaseError``.
    func openJobs() async throws -> [Job] {
        try await database.read { connection in
            try connection.all(
                """
                SELECT \(Self.columns) FROM gateway_jobs WHERE state IN (\(Self.open))
                ORDER BY sequence, created_at, prompt_id
                """, Self.job)
        }
    }

    /// The largest arrival number given so far.
    ///
    /// - Throws: ``DatabaseError``.
    func lastSequence() async throws -> Int64 {
        try await database.read { connection in
            try connection.first("SELECT MAX(sequence) AS last FROM gateway_jobs") { row in
                try row.optional("last", as: Int64.self) ?? 0
            } ?? 0
        }
    }

    /// A job with its result, if it has one.
    ///
    /// - Throws: ``DatabaseError``.
    func job(_ promptID: String) async throws -> (job: Job, history: [UInt8]?)? {
        try await database.read { connection in
            guard
                let job = try connection.first(
                    "SELECT \(Self.columns) FROM gateway_jobs WHERE prompt_id = \(promptID)", Self.job)
            else { return nil }
            let history = try connection.first("SELECT history FROM gateway_results WHERE prompt_id = \(promptID)") {
                try $0.get("history", as: [UInt8].self)
            }
            return (job, history)
        }
    }

    /// A job by either of its ids, without its result.
    ///
    /// - Throws: ``DatabaseError``.
    func record(_ id: String) async throws -> Job? {
        try await database.read { connection in
            try connection.first(
                "SELECT \(Self.columns) FROM gateway_jobs WHERE prompt_id = \(id)", Self.job)
                ?? connection.first(
                    "SELECT \(Self.columns) FROM gateway_jobs WHERE gateway_job_id = \(id)", Self.job)
        }
    }

    /// The prompt id of a gateway job id.
    ///
    /// - Throws: ``DatabaseError``.
    func promptID(ofGatewayJob id: String) async throws -> String? {
        try await database.read { connection in
            try connection.first("SELECT prompt_id FROM gateway_jobs WHERE gateway_job_id = \(id)") {
                try $0.get("prompt_id")
            }
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

    /// The end of a job's story, in order.
    ///
    /// - Parameter limit: How many events at most.
    /// - Throws: ``DatabaseError``.
    func events(of promptID: String, limit: Int) async throws -> [JobEvent] {
        let newestFirst = try await database.read { connection in
            try connection.all(
                """
                SELECT at, state, actor, worker_id, reason, details FROM gateway_events
                WHERE prompt_id = \(promptID) ORDER BY at DESC, id DESC LIMIT \(limit)
                """
            ) { row in
                JobEvent(
                    promptID: promptID, at: try row.get("at"), state: try Self.state(row),
                    workerID: try row.optional("worker_id"),
                    cause: JobCause(
                        actor: try row.get("actor"), reason: try row.get("reason"),
                        details: try Self.json(row, "details")))
            }
        }
        return newestFirst.reversed()
    }

    /// What ``job(_:)-(Row)`` reads, in its order.
    static let columns: SQL = """
        prompt_id, gateway_job_id, client_id, caller, priority, place, sequence, state, worker_id, worker_prompt_id,
        attempts, revision, node_count, fingerprint, number, node_errors, error, created_at, submitted_at, started_at,
        finished_at
        """

    /// A row of ``columns``.
    ///
    /// - Throws: ``DatabaseError``.
    static func job(_ row: Row) throws -> Job {
        Job(
            promptID: try row.get("prompt_id"), gatewayJobID: try row.optional("gateway_job_id"),
            clientID: try row.optional("client_id"), caller: try row.get("caller"), priority: try row.get("priority"),
            place: try row.get("place"), sequence: try row.get("sequence"), state: try state(row),
            workerID: try row.optional("worker_id"), workerPromptID: try row.optional("worker_prompt_id"),
            attempts: try row.get("attempts"), revision: try row.get("revision"),
            nodeCount: try row.get("node_count"), fingerprint: try row.get("fingerprint"),
            number: try json(row, "number"), nodeErrors: try json(row, "node_errors"),
            error: try row.optional("error"), createdAt: try row.get("created_at"),
            submittedAt: try row.optional("submitted_at"), startedAt: try row.optional("started_at"),
            finishedAt: try row.optional("finished_at"))
    }

    private static func state(_ row: Row) throws -> JobState {
        let word: String = try row.get("state")
        guard let state = JobState(rawValue: word) else {
            throw DatabaseError(.misuse, "unknown state \"\(word)\" in a table of the gateway")
        }
        return state
    }

    private static func json(_ row: Row, _ column: String) throws -> JSON? {
        guard let text = try row.optional(column, as: String.self) else { return nil }
        return try? JSON(parsing: text, options: JSONParseOptions(allowsNonFiniteNumbers: true))
    }
}
