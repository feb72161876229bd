internal import PluginAPI

/// `/queue`, `/interrupt` and `/free`.
struct QueueController: Sendable {
    let server: SimulatedServer

    func declare(in routes: inout MethodTable) {
        routes.addTwice(.get, "/queue", "Shows the running and the pending jobs.", show)
        routes.addTwice(.post, "/queue", "Clears the queue or deletes entries.", change)
        routes.addTwice(.post, "/interrupt", "Interrupts the running job.", interrupt)
        routes.addTwice(.post, "/free", "Frees memory between jobs.", free)
    }

    private func show(_ request: Request) -> Response {
        let (running, pending) = server.withState { ($0.running, $0.queue.items) }
        var bytes = Array(#"{"queue_running": ["#.utf8)
        bytes += running?.tuple ?? []
        bytes += #"], "queue_pending": ["#.utf8
        for (place, item) in pending.enumerated() {
            if place > 0 { bytes += ", ".utf8 }
            bytes += item.tuple
        }
        bytes += "]}".utf8
        return Answer.json(bytes: bytes)
    }

    private func change(_ request: Request) async throws -> Response {
        let body = try await request.pythonJSON()
        if try body.contains(key: "clear"), Python.truth(try body.item("clear")) {
            server.withState { $0.queue.removeAll() }
            server.announceStatus()
        }
        if try body.contains(key: "delete") {
            for id in try body.item("delete").iterated() {
                guard let id = id.stringValue, server.withState({ $0.queue.remove(id) }) else { continue }
                server.announceStatus()
            }
        }
        return Answer.empty()
    }

    private func interrupt(_ request: Request) async throws -> Response {
        // A body that is no JSON counts as none.
        let body = (try? await request.pythonJSON()) ?? [:]
        guard let members = body.objectValue else {
            throw PythonError("AttributeError", "'\(Python.typeName(body))' object has no attribute 'get'")
        }
        let wanted = members["prompt_id"] ?? .null
        server.withState { state in
            if Python.truth(wanted), wanted != state.running.map({ JSON.string($0.promptID) }) { return }
            state.isInterrupted = true
        }
        return Answer.empty()
    }

    private func free(_ request: Request) async throws -> Response {
        let body = try await request.pythonJSON()
        guard let members = body.objectValue else {
            throw PythonError("AttributeError", "'\(Python.typeName(body))' object has no attribute 'get'")
        }
        if Python.truth(members["free_memory"] ?? false) { server.withState { $0.mustFreeMemory = true } }
        return Answer.empty()
    }
}

extension JSON {
    /// What a Python `for` goes through.
    func iterated() throws(PythonError) -> [JSON] {
        switch self {
        case .array(let items): return items
        case .object(let members): return members.keys.map { .string($0) }
        case .string(let text): return text.unicodeScalars.map { .string(String($0)) }
        default: throw PythonError("TypeError", "'\(Python.typeName(self))' object is not iterable")
        }
    }
}
