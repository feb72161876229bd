import PluginAPI

/// `GET /api/tasks`.
struct TaskListController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine
    private let totals = TaskTotals()

    /// Makes a controller.
    init(engine: JobEngine) {
        self.engine = engine
    }

    /// The longest part of the list.
    static let longestPage = 1000
    /// Positions are looked for when not more jobs than this wait on a page.
    private static let positions = 100

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        let words: (_ kind: String, _ words: [String]) -> QueryDoc = { kind, words in
            QueryDoc(
                kind, "Only jobs in these states; may be repeated, or a list with commas.",
                schema: ["type": "string", "enum": .array(words.map { .string($0) })])
        }
        routes.get(
            "/api/tasks",
            docs: OperationDocs(
                "The prompts, newest first.",
                description: """
                    Open ones as they are now, ended ones as long as they are kept. `state` has the gateway's own words and \
                    `unknown`, `status` those of the status answer. A key without `jobs:all` sees its own prompts. `total` \
                    may be two seconds old; `position` is null when more than 100 of the page wait.
                    """,
                query: [
                    words("state", JobState.allCases.map(\.rawValue) + ["unknown"]),
                    words("status", TaskStatus.allCases.map(\.rawValue)),
                    QueryDoc("worker_id", "Only jobs of this worker."), QueryDoc("caller", "Only jobs of this caller."),
                    QueryDoc("priority", "Only jobs of this priority.", schema: ["type": "integer"]),
                    QueryDoc("since", "Accepted at this moment or later: RFC 3339, or milliseconds since 1970."),
                    QueryDoc("until", "Accepted before this moment."),
                    QueryDoc(
                        "limit", "How many at most.",
                        schema: ["type": "integer", "default": 50, "minimum": 1, "maximum": 1000]),
                    QueryDoc(
                        "offset", "How many to leave out.", schema: ["type": "integer", "default": 0, "minimum": 0]),
                ],
                returns: Schemas.object([
                    "tasks": Schemas.list(Schemas.task), "total": ["type": "integer"],
                    "limit": ["type": "integer"], "offset": ["type": "integer"],
                ]), errors: [(422, "A parameter has not the right form.")]),
            use: list)
    }

    private func list(_ request: Request) async throws -> JSON {
        var form = QueryForm(request.query)
        var filter = TaskFilter(&form)
        let limit = form.integer("limit", in: 1...Self.longestPage) ?? 50
        let offset = form.integer("offset", in: 0 ... .max) ?? 0
        try form.finish()
        if let own = JobCaller.limit(of: request.principal) {
            guard filter.caller == nil || filter.caller == own else {
                return answer([], total: 0, limit: limit, offset: offset)
            }
            filter.caller = own
        }
        let silent = engine.pool.everyMember.filter { !$0.health.isHealthy }
        filter.silentWorkers = Set(silent.map(\.worker.id))
        // Otherwise a job could be missed whose state on disk is a moment old.
        await engine.journal.flush()
        let known = totals.total(filter, now: engine.now)
        let page = try await engine.store.list(filter, offset: offset, limit: limit, counting: known == nil)
        if let total = page.total { totals.keep(total, filter, now: engine.now) }
        return answer(records(page.jobs, filter), total: page.total ?? known ?? 0, limit: limit, offset: offset)
    }

    /// The records as they are now: an end on disk is final, else memory knows better.
    private func records(_ jobs: [Job], _ filter: TaskFilter) -> [JSON] {
        let open = engine.table.jobs(jobs.lazy.filter { !$0.state.isFinal }.map(\.promptID))
        let current = jobs.map { $0.state.isFinal ? LiveJob($0) : open[$0.promptID] ?? LiveJob($0) }
        let shown = current.filter { filter.includes($0.job) }
        let withPosition = shown.count { $0.job.state == .queued } <= Self.positions
        let renderer = TaskRecord(engine: engine)
        return shown.map { renderer.json($0, withPosition: withPosition || $0.job.state != .queued) }
    }

    private func answer(_ tasks: [JSON], total: Int, limit: Int, offset: Int) -> JSON {
        ["tasks": .array(tasks), "total": JSON(total), "limit": JSON(limit), "offset": JSON(offset)]
    }
}
