internal import PluginAPI

/// `/history`.
struct HistoryController: Sendable {
    let server: SimulatedServer

    func declare(in routes: inout MethodTable) {
        routes.addTwice(.get, "/history", "Lists finished jobs, oldest first.", list)
        routes.addTwice(.post, "/history", "Clears the history or deletes entries.", change)
        routes.addTwice(.get, "/history/{prompt_id}", "Shows one finished job.", show)
    }

    private func list(_ request: Request) throws -> Response {
        let maximum = try Self.integer(request.query["max_items"])
        let offset = try Self.integer(request.query["offset"]) ?? -1
        return Answer.json(bytes: server.withState { $0.history.page(maximum: maximum, offset: offset) })
    }

    private func show(_ request: Request) -> Response {
        let id = request.pathParameters.first ?? ""
        return Answer.json(bytes: server.withState { $0.history.text(of: id) })
    }

    private func change(_ request: Request) async throws -> Response {
        let body = try await request.pythonJSON()
        if try body.contains(key: "clear"), Python.truth(try body.item("clear")) {
            server.withState { $0.history.removeAll() }
        }
        if try body.contains(key: "delete") {
            for id in try body.item("delete").iterated() {
                guard id.arrayValue == nil, id.objectValue == nil else {
                    throw PythonError("TypeError", "unhashable type: '\(Python.typeName(id))'")
                }
                guard let id = id.stringValue else { continue }
                server.withState { $0.history.remove(id) }
            }
        }
        return Answer.empty()
    }

    private static func integer(_ text: String?) throws(PythonError) -> Int? {
        guard let text else { return nil }
        let number = try Python.int(.string(text))
        return number.int ?? (number.literal.hasPrefix("-") ? .min : .max)
    }
}
