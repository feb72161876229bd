import PluginAPI

/// Which jobs a list shows.
struct TaskFilter: Sendable, Hashable {
    /// The states it shows of jobs whose worker answers, or that have none.
    var reachable = Set(JobState.allCases)
    /// The states it shows of jobs whose worker does not answer.
    var unreachable = Set(JobState.allCases)
    /// The worker that has them, or had them last.
    var workerID: String?
    /// Whose they are.
    var caller: String?
    /// Their priority.
    var priority: Int?
    /// When they were accepted, at the earliest.
    var since: Timestamp?
    /// When they were accepted, at the latest, this moment not included.
    var until: Timestamp?
    /// The workers that do not answer now.
    var silentWorkers: Set<String> = []

    /// Whether a job that is in memory belongs to the list; its times and its caller do not change.
    func includes(_ job: Job) -> Bool {
        let isSilent = job.workerID.map { silentWorkers.contains($0) } ?? false
        return (isSilent ? unreachable : reachable).contains(job.state) && (workerID == nil || workerID == job.workerID)
            && (priority == nil || priority == job.priority)
    }
}

// MARK: - SQL

extension TaskFilter {
    /// The states of the list's jobs; `nil` for all.
    var states: Set<JobState>? {
        let states = reachable.union(unreachable)
        return states.count == JobState.allCases.count ? nil : states
    }

    /// Everything but ``states``, as the end of a `WHERE`.
    var conditions: SQL {
        var sql: SQL = ""
        if let workerID { sql = sql + " AND worker_id = \(workerID)" }
        if let caller { sql = sql + " AND caller = \(caller)" }
        if let priority { sql = sql + " AND priority = \(priority)" }
        if let since { sql = sql + " AND created_at >= \(since)" }
        if let until { sql = sql + " AND created_at < \(until)" }
        let isSilent: SQL =
            silentWorkers.isEmpty ? "1 = 0" : "COALESCE(worker_id, '') IN (\(SQL.list(silentWorkers.sorted())))"
        let whileHeard = reachable.subtracting(unreachable)
        if !whileHeard.isEmpty { sql = sql + " AND NOT (state IN (\(SQL.states(whileHeard))) AND \(isSilent))" }
        let whileSilent = unreachable.subtracting(reachable)
        if !whileSilent.isEmpty { sql = sql + " AND NOT (state IN (\(SQL.states(whileSilent))) AND NOT \(isSilent))" }
        return sql
    }
}

extension SQL {
    /// The words of some states, for `IN (…)`.
    static func states(_ states: some Sequence<JobState>) -> SQL {
        list(states.map(\.rawValue).sorted())
    }
}

// MARK: - Query

extension TaskFilter {
    /// Reads a query: `state` has the gateway's own words and `unknown`, `status` the seed's; both must be met.
    init(_ form: inout QueryForm) {
        func both(_ state: JobState) -> [(JobState, isReachable: Bool)] { [(state, true), (state, false)] }
        let all = JobState.allCases.flatMap(both)
        func shown(as status: TaskStatus) -> [(JobState, isReachable: Bool)] {
            all.filter { TaskStatus($0.0, isReachable: $0.isReachable) == status }
        }
        let status = TaskStatus.allCases.map { ($0.rawValue, shown(as: $0)) }
        narrow(&form, "state", JobState.allCases.map { ($0.rawValue, both($0)) } + status.suffix(1))
        narrow(&form, "status", status)
        workerID = form.text("worker_id")
        caller = form.text("caller")
        priority = form.integer("priority")
        since = form.moment("since")
        until = form.moment("until")
    }

    /// Keeps the states that the words of one parameter stand for; no words keep all.
    private mutating func narrow(
        _ form: inout QueryForm, _ name: String, _ known: [(word: String, states: [(JobState, isReachable: Bool)])]
    ) {
        let given = form.list(name)
        guard !given.isEmpty else { return }
        var (heard, silent): (Set<JobState>, Set<JobState>) = ([], [])
        for word in Set(given) {
            guard let states = known.first(where: { $0.word == word })?.states else {
                form.report(
                    "enum", name, "Input should be " + known.map { "'\($0.word)'" }.joined(separator: ", "))
                return
            }
            heard.formUnion(states.filter(\.isReachable).map(\.0))
            silent.formUnion(states.filter { !$0.isReachable }.map(\.0))
        }
        reachable.formIntersection(heard)
        unreachable.formIntersection(silent)
    }
}
