internal import PluginAPI

/// `/settings` and `/users`, kept in memory.
struct UserController: Sendable {
    let server: SimulatedServer

    func declare(in routes: inout MethodTable) {
        routes.addTwice(.get, "/settings", "Shows the frontend's settings.") { _ in
            Answer.json(.object(server.withState { $0.userSettings }))
        }
        routes.addTwice(.post, "/settings", "Changes settings.", changeSettings)
        routes.addTwice(.get, "/settings/{id}", "Shows one setting.") { request in
            let id = request.pathParameters.first ?? ""
            return Answer.json(server.withState { $0.userSettings[id] ?? .null })
        }
        routes.addTwice(.post, "/settings/{id}", "Changes one setting.") { request in
            let value = try await request.pythonJSON()
            let id = request.pathParameters.first ?? ""
            server.withState { $0.userSettings[id] = value }
            return Answer.empty()
        }
        routes.addTwice(.get, "/users", "Tells how users are kept.") { _ in
            Answer.json(["storage": "server", "migrated": true])
        }
        routes.addTwice(.post, "/users", "Adds a user.", addUser)
    }

    private func changeSettings(_ request: Request) async throws -> Response {
        guard let members = try await request.pythonJSON().objectValue else {
            throw PythonError("TypeError", "'list' object is not a mapping")
        }
        server.withState { state in
            for (key, value) in members { state.userSettings[key] = value }
        }
        return Answer.empty()
    }

    private func addUser(_ request: Request) async throws -> Response {
        guard let name = try await request.pythonJSON()["username"]?.stringValue, !name.isEmpty else {
            throw PythonError("ValueError", "username not provided")
        }
        let id = server.withState { state -> String? in
            guard !state.users.values.contains(name), state.users.count < 1000 else { return nil }
            let safe = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "-" })
            let id = "\(safe)_\(state.random.uuid())"
            state.users[id] = name
            return id
        }
        guard let id else { return Answer.json(["error": "Duplicate username."], status: .badRequest) }
        return Answer.json(.string(id))
    }
}
