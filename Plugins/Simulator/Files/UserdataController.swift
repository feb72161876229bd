internal import PluginAPI

/// `/userdata`: the files a frontend keeps on the server.
struct UserdataController: Sendable {
    let server: SimulatedServer

    func declare(in routes: inout MethodTable) {
        routes.addTwice(.get, "/userdata", "Lists a folder.", list)
        routes.addTwice(.get, "/v2/userdata", "Lists everything.") { _ in Answer.json([]) }
        routes.addTwice(.get, "/userdata/{file}", "Serves a file.", read)
        routes.addTwice(.post, "/userdata/{file}", "Writes a file.", write)
        routes.addTwice(.delete, "/userdata/{file}", "Removes a file.") { request in
            guard let path = path(request, 0) else { return Answer.empty(.forbidden) }
            guard Disk.status(path)?.isFolder == false, Disk.remove(path) else { return Answer.empty(.notFound) }
            return Answer.empty(.noContent)
        }
        routes.addTwice(.post, "/userdata/{file}/move/{dest}", "Renames a file.", move)
    }

    private func list(_ request: Request) -> Response {
        guard let name = request.query["dir"], !name.isEmpty else {
            return .text("Directory not provided", status: .badRequest)
        }
        guard let folder = server.folders.resolve(.user, name) else {
            return .text("Invalid directory", status: .forbidden)
        }
        guard Disk.status(folder)?.isFolder == true else { return .text("Directory not found", status: .notFound) }
        let flag = { (name: String) in request.query[name]?.lowercased() == "true" }
        let files = Self.files(in: folder, below: "", isDeep: flag("recurse"))
        return Answer.json(
            .array(
                files.map { file in
                    if flag("full_info") { return Self.info(file.name, file.status) }
                    guard flag("split") else { return .string(file.name) }
                    return .strings([file.name] + file.name.split(separator: "/").map(String.init))
                }))
    }

    private func read(_ request: Request) -> Response {
        guard let path = path(request, 0) else { return Answer.empty(.forbidden) }
        guard let status = Disk.status(path), !status.isFolder else { return Answer.empty(.notFound) }
        let hex = String(status.modified, radix: 16) + "-" + String(status.size, radix: 16)
        return FileAnswer(
            size: status.size, etag: "\"\(hex)\"", modified: status.modified,
            headers: ["Content-Type": ContentType.guess(path)],
            body: { .file(path: path, offset: $0, length: $1) }
        ).response(to: request)
    }

    private func write(_ request: Request) async throws -> Response {
        guard let path = path(request, 0) else { return Answer.empty(.forbidden) }
        if isTaken(path, request) { return .text("File already exists", status: .conflict) }
        let bytes = try await request.body.collect(upTo: Limits.body)
        guard makeParent(of: path), Disk.write(bytes, to: path, replacing: true) else {
            throw PythonError("OSError", "cannot write the file")
        }
        return written(path, request)
    }

    private func move(_ request: Request) throws -> Response {
        guard let source = path(request, 0), let target = path(request, 1) else { return Answer.empty(.forbidden) }
        guard Disk.status(source)?.isFolder == false else { return Answer.empty(.notFound) }
        if isTaken(target, request) { return .text("File already exists", status: .conflict) }
        guard makeParent(of: target), Disk.move(source, to: target) else {
            throw PythonError("OSError", "cannot move the file")
        }
        return written(target, request)
    }

    private func isTaken(_ path: String, _ request: Request) -> Bool {
        request.query["overwrite"] == "false" && Disk.status(path) != nil
    }

    private func makeParent(of path: String) -> Bool {
        guard let slash = path.lastIndex(of: "/") else { return false }
        return Disk.makeFolder(String(path[..<slash]))
    }

    private func written(_ path: String, _ request: Request) -> Response {
        let name = String(path.dropFirst(server.folders.path(.user).count + 1))
        guard request.query["full_info"]?.lowercased() == "true", let status = Disk.status(path) else {
            return Answer.json(.string(name))
        }
        return Answer.json(Self.info(name, status))
    }

    /// The path that a parameter names; `nil` when it leaves the folder.
    private func path(_ request: Request, _ index: Int) -> String? {
        guard request.pathParameters.indices.contains(index) else { return nil }
        let path = server.folders.resolve(.user, request.pathParameters[index])
        return path == server.folders.path(.user) ? nil : path
    }

    private static func info(_ name: String, _ status: Disk.Status) -> JSON {
        let modified = JSON.number(JSONNumber(Double(status.modified) / 1e9))
        return [
            "path": .string(name), "size": .number(JSONNumber(status.size)), "modified": modified, "created": modified,
        ]
    }

    private static func files(
        in folder: String, below prefix: String, isDeep: Bool
    ) -> [(name: String, status: Disk.Status)] {
        Disk.names(in: folder).flatMap { name -> [(name: String, status: Disk.Status)] in
            guard let status = Disk.status(folder + "/" + name) else { return [] }
            guard status.isFolder else { return [(prefix + name, status)] }
            guard isDeep, prefix.utf8.count < 1000 else { return [] }
            return files(in: folder + "/" + name, below: prefix + name + "/", isDeep: true)
        }
    }
}
