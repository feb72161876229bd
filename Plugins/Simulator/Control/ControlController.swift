internal import PluginAPI

/// `/simulator/control` and `/simulator/state`: the simulator's own routes, which no fault touches.
struct ControlController: Sendable {
    let server: SimulatedServer

    /// Settings that a running simulator cannot change.
    private static let fixed: Set = ["output_directory", "run_log", "seed"]
    private static let actions = ["forget", "kill", "drop_sockets"]

    func declare(in group: inout RouteGroup) {
        group.get(
            "/simulator/state",
            docs: OperationDocs("Shows settings, counts and sicknesses of the simulator.")
        ) { _ in Answer.json(state) }
        group.post(
            "/simulator/control",
            docs: OperationDocs(
                "Changes settings of the running simulator.",
                description: """
                    The body is an object of settings. The keys `forget` (restart: queue, history and cache are lost), \
                    `kill` (the process is gone until `forget`) and `drop_sockets` are actions when `true`.
                    """,
                errors: [(400, "a setting is unknown or wrong; nothing was changed")]), use: change)
    }

    private func change(_ request: Request) async throws -> Response {
        guard var changes = try await request.json(limit: 1 << 20).objectValue else {
            return Answer.json(["error": "expected an object of settings"], status: .badRequest)
        }
        let wanted = Self.actions.filter { changes.removeValue(forKey: $0) == true }
        var problems = changes.keys.filter { Self.fixed.contains($0) }.map { "\($0): cannot change at run time" }
        let (settings, more) = server.settings.changed(by: changes)
        problems += more
        guard problems.isEmpty else {
            return Answer.json(
                ["error": .string(problems.joined(separator: "; ")), "problems": .strings(problems)],
                status: .badRequest)
        }
        server.withState { $0.settings = settings }
        server.hub.setMode(settings.slowReaders)
        if wanted.contains("forget") { server.restart() }
        if wanted.contains("kill") { server.exit() }
        if wanted.contains("drop_sockets") { server.hub.dropAll() }
        server.changes.notify()
        server.work.notify()
        return Answer.json(state)
    }

    private var state: JSON {
        let sockets = server.hub.count
        return server.withState { state in
            [
                "settings": .object(state.settings.values(withSecrets: false)),
                "running": state.running.map { .string($0.promptID) } ?? .null,
                "pending": .number(JSONNumber(state.queue.count)), "history": .number(JSONNumber(state.history.count)),
                "sockets": .number(JSONNumber(sockets)), "worker_dead": .bool(state.isWorkerDead),
                "exited": .bool(state.isExited), "restarts": .number(JSONNumber(state.generation)),
                "jobs": state.totals.json,
            ]
        }
    }
}
