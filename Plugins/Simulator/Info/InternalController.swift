internal import PluginAPI

/// `/internal/*`: log and folders; these paths have no twin below `/api`.
struct InternalController: Sendable {
    let server: SimulatedServer

    func declare(in routes: inout MethodTable) {
        routes.add(.get, "/internal/logs", "Shows the log as one text.") { _ in
            let lines = server.log.entries.map { "\($0["t"]?.stringValue ?? "") - \($0["m"]?.stringValue ?? "")" }
            return Answer.json(.string(lines.joined()))
        }
        routes.add(.get, "/internal/logs/raw", "Shows the last lines of the log.") { _ in
            Answer.json(["entries": .array(server.log.entries), "size": ["cols": 80, "rows": 24]])
        }
        routes.add(.patch, "/internal/logs/subscribe", "Starts or ends log messages to a client.", subscribe)
        routes.add(.get, "/internal/folder_paths", "Shows the folders of models.") { _ in
            Answer.json(["checkpoints": ["/models/checkpoints"], "loras": ["/models/loras"], "vae": ["/models/vae"]])
        }
        routes.add(.get, "/internal/files/{directory_type}", "Lists a folder, newest first.", files)
    }

    private func subscribe(_ request: Request) async throws -> Response {
        let body = try await request.pythonJSON()
        guard let client = body["clientId"], let isOn = body["enabled"] else {
            throw PythonError("KeyError", "'clientId'")
        }
        if let sid = client.stringValue { server.hub.subscribeToLogs(sid, Python.truth(isOn)) }
        return Answer.empty()
    }

    private func files(_ request: Request) -> Response {
        guard let kind = Folders.Kind(rawValue: request.pathParameters.first ?? ""), kind != .user else {
            return Answer.json(["error": "Invalid directory type"], status: .badRequest)
        }
        let folder = server.folders.path(kind)
        let files = Disk.names(in: folder).compactMap { name in
            Disk.status(folder + "/" + name).flatMap { $0.isFolder ? nil : (name: name, modified: $0.modified) }
        }
        return Answer.json(.strings(files.sorted { $0.modified > $1.modified }.map(\.name)))
    }
}
