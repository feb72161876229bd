import PluginAPI

/// The jobs on disk.
///
/// Every change of a state is compare-and-set: on the state, and on the assignment it is about. The events of a change
/// are written with it, in one transaction.
struct JobStore: Sendable {
    let database: any Database

    /// Works on a database.
    init(database: any Database) {
        self.database = database
    }

    /// Adds a job and the body to send.
    ///
    /// - Throws: ``DatabaseError`` `constraint` when the id is taken.
    func insert(_ job: Job, submission: [UInt8], events: [JobEvent]) async throws {
        try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO gateway_jobs (prompt_id, gateway_job_id, client_id, caller, priority, place, sequence, state,
                    worker_id, attempts, revision, node_count, fingerprint, created_at, updated_at)
                VALUES (\(job.promptID), \(job.gatewayJobID), \(job.clientID), \(job.caller), \(job.priority),
                    \(job.place), \(job.sequence), \(job.state.rawValue), \(job.workerID), \(job.attempts),
                    \(job.revision), \(job.nodeCount), \(job.fingerprint), \(job.createdAt), \(job.createdAt))
                """)
            try connection.execute(
                "INSERT INTO gateway_submissions (prompt_id, body) VALUES (\(job.promptID), \(submission))")
            try Self.append(events, connection)
        }
    }

    /// Takes back a job that no worker has and no caller was told of.
    ///
    /// - Returns: false when it has ended; then it stays.
    /// - Throws: ``DatabaseError``.
    func withdraw(_ promptID: String) async throws -> Bool {
        try await database.write { connection in
            let result = try connection.execute(
                "DELETE FROM gateway_jobs WHERE prompt_id = \(promptID) AND state IN (\(Self.open))")
            guard result.changes == 1 else { return false }
            try connection.execute("DELETE FROM gateway_submissions WHERE prompt_id = \(promptID)")
            try connection.execute("DELETE FROM gateway_events WHERE prompt_id = \(promptID)")
            return true
        }
    }

    /// Assigns a job to a worker; on disk before anything is sent there.
    ///
    /// - Returns: false when the job was changed by somebody else meanwhile.
    /// - Throws: ``DatabaseError``.
    func assign(_ job: Job, after revision: Int, events: [JobEvent], copies: [JobCopy], at time: Timestamp) async throws
        -> Bool
    {
        try await database.write { connection in
            let result = try connection.execute(
                """
                UPDATE gateway_jobs SET state = \(JobState.dispatching.rawValue), worker_id = \(job.workerID),
                    worker_prompt_id = NULL, attempts = \(job.attempts), revision = \(job.revision),
                    submitted_at = NULL, started_at = NULL, updated_at = \(time)
                WHERE prompt_id = \(job.promptID) AND revision = \(revision)
                    AND state IN (\(Self.sources(of: .dispatching)))
                """)
            guard result.changes == 1 else { return false }
            try Self.append(events, connection)
            for copy in copies { try Self.keep(copy, at: time, connection) }
            return true
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
                        submitted_at = \(job.submittedAt), started_at = \(job.startedAt),
                        updated_at = \(transition.time)
                    WHERE prompt_id = \(job.promptID) AND revision = \(job.revision)
                        AND state IN (\(Self.sources(of: job.state)))
                    """)
                try Self.append(transition.events, connection)
                for copy in transition.copies { try Self.keep(copy, at: transition.time, connection) }
            }
        }
    }

    /// Ends jobs and keeps their results, in one transaction; the first end of each wins.
    ///
    /// - Returns: the ids of those that had not ended already.
    /// - Throws: ``DatabaseError``.
    func finish(_ endings: [JobEnding]) async throws -> Set<String> {
        try await database.write { connection in
            var first: Set<String> = []
            for ending in endings where try Self.finish(ending, connection) { first.insert(ending.job.promptID) }
            return first
        }
    }

    private static func finish(_ ending: JobEnding, _ connection: any SQLConnection) throws -> Bool {
        let (job, time) = (ending.job, ending.event.at)
        let result = try connection.execute(
            """
            UPDATE gateway_jobs SET state = \(job.state.rawValue), worker_id = \(job.workerID),
                worker_prompt_id = \(job.workerPromptID), attempts = \(job.attempts), error = \(job.error),
                number = \(job.number?.text()), node_errors = \(job.nodeErrors?.text()),
                submitted_at = \(job.submittedAt), started_at = \(job.startedAt), finished_at = \(time),
                updated_at = \(time)
            WHERE prompt_id = \(job.promptID) AND state IN (\(sources(of: job.state)))
            """)
        guard result.changes == 1 else { return false }
        try append((ending.pending?.events ?? []) + [ending.event], connection)
        for copy in (ending.pending?.copies ?? []) + ending.copies { try keep(copy, at: time, connection) }
        try connection.execute("DELETE FROM gateway_submissions WHERE prompt_id = \(job.promptID)")
        guard let history = ending.history else { return true }
        try connection.execute(
            "INSERT INTO gateway_results (prompt_id, history) VALUES (\(job.promptID), \(history))")
        return true
    }

    /// Changes the order of waiting jobs.
    ///
    /// - Throws: ``DatabaseError``.
    func reorder(_ entries: [WaitingEntry], events: [JobEvent]) async throws {
        try await database.write { connection in
            for entry in entries {
                try connection.execute(
                    """
                    UPDATE gateway_jobs SET priority = \(entry.priority), place = \(entry.place)
                    WHERE prompt_id = \(entry.promptID)
                    """)
            }
            try Self.append(events, connection)
        }
    }
}

// MARK: - Copies

extension JobStore {
    /// Workers that may still have jobs which were taken from them.
    ///
    /// - Throws: ``DatabaseError``.
    func copies() async throws -> [JobCopy] {
        try await database.read { connection in
            try connection.all("SELECT prompt_id, worker_id, id_on_worker FROM gateway_copies") { row in
                JobCopy(
                    promptID: try row.get("prompt_id"), workerID: try row.get("worker_id"),
                    idOnWorker: try row.get("id_on_worker"))
            }
        }
    }

    /// Forgets copies that are gone.
    ///
    /// - Throws: ``DatabaseError``.
    func forget(_ copies: [JobCopy]) async throws {
        try await database.write { connection in
            for copy in copies {
                try connection.execute(
                    """
                    DELETE FROM gateway_copies
                    WHERE prompt_id = \(copy.promptID) AND worker_id = \(copy.workerID)
                    """)
            }
        }
    }

    /// Remembers copies.
    ///
    /// - Throws: ``DatabaseError``.
    func keep(_ copies: [JobCopy], at time: Timestamp) async throws {
        try await database.write { connection in
            for copy in copies { try Self.keep(copy, at: time, connection) }
        }
    }

    private static func keep(_ copy: JobCopy, at time: Timestamp, _ connection: any SQLConnection) throws {
        try connection.execute(
            "DELETE FROM gateway_copies WHERE prompt_id = \(copy.promptID) AND worker_id = \(copy.workerID)")
        try connection.execute(
            """
            INSERT INTO gateway_copies (prompt_id, worker_id, id_on_worker, created_at)
            VALUES (\(copy.promptID), \(copy.workerID), \(copy.idOnWorker), \(time))
            """)
    }
}

// MARK: - Parts

extension JobStore {
    private static func append(_ events: [JobEvent], _ connection: any SQLConnection) throws {
        for event in events {
            try connection.execute(
                """
                INSERT INTO gateway_events (prompt_id, at, state, actor, worker_id, reason, details)
                VALUES (\(event.promptID), \(event.at), \(event.state.rawValue), \(event.cause.actor),
                    \(event.workerID), \(event.cause.reason), \(event.cause.details?.text()))
                """)
        }
    }

    private static func sources(of state: JobState) -> SQL {
        SQL.list(JobStateMachine.sources(of: state).map(\.rawValue))
    }

    /// The states that are not final.
    static var open: SQL { SQL.list(JobStateMachine.open.map(\.rawValue)) }
}
