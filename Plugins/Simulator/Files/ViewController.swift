internal import PluginAPI

/// `GET /view`: images and everything else in the three folders.
struct ViewController: Sendable {
    let server: SimulatedServer

    func declare(in routes: inout MethodTable) {
        routes.addTwice(.get, "/view", "Serves a file of the input, output or temp folder.", view)
        routes.addTwice(.get, "/view_metadata/{folder}", "Knows no metadata of models.") { _ in
            Answer.empty(.notFound)
        }
    }

    private func view(_ request: Request) -> Response {
        guard let given = request.query["filename"] else { return Answer.empty(.notFound) }
        let name = AnnotatedName(given)
        guard !name.name.isEmpty, !name.name.hasPrefix("/"), !name.name.contains("..") else {
            return Answer.empty(.badRequest)
        }
        let type = request.query["type"] ?? "output"
        guard let kind = name.folder ?? Folders.Kind(rawValue: type), kind != .user else {
            return Answer.empty(.badRequest)
        }
        guard let folder = server.folders.resolve(kind, request.query["subfolder"] ?? "") else {
            return Answer.empty(.forbidden)
        }
        let file = name.name.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        let bigFile = server.settings.bigFileBytes.bytes
        if file == "big.bin", kind == .output, bigFile > 0 {
            return BigFile(size: bigFile).answer.response(to: request)
        }
        let path = folder + "/" + file
        guard !file.isEmpty, let status = Disk.status(path), !status.isFolder else { return Answer.empty(.notFound) }
        return answer(request, path, file, status)
    }

    private func answer(_ request: Request, _ path: String, _ file: String, _ status: Disk.Status) -> Response {
        let disposition = "filename=\"\(file)\""
        let channel = request.query["channel"]
        if request.query["preview"] != nil || channel == "rgb" || channel == "a" {
            return reencoded(path, status, disposition)
        }
        let hex = String(status.modified, radix: 16) + "-" + String(status.size, radix: 16)
        return FileAnswer(
            size: status.size, etag: "\"\(hex)\"", modified: status.modified,
            headers: ["Content-Disposition": disposition, "Content-Type": ContentType.served(file)],
            body: { .file(path: path, offset: $0, length: $1) }
        ).response(to: request)
    }

    /// Nothing is re-encoded here: the file itself, under its own type, without tags and ranges like the real answer.
    private func reencoded(_ path: String, _ status: Disk.Status, _ disposition: String) -> Response {
        guard let head = Disk.read(path, limit: 64), ContentType.isImage(head) else { return Answer.exception }
        return Response(
            headers: ["Content-Disposition": disposition, "Content-Type": ContentType.guess(path)],
            body: .file(path: path, offset: 0, length: status.size))
    }
}

/// A file that exists only while it is read, for measuring transfers: byte `n` is `n` modulo 251.
struct BigFile: Sendable {
    private static let period = 251
    private static let pieceSize = 251 * 1024
    private static let pattern = (0..<pieceSize + period).map { UInt8($0 % period) }

    let size: Int

    /// How it is served.
    var answer: FileAnswer {
        let hex = String(size, radix: 16)
        return FileAnswer(
            size: size, etag: "\"big-\(hex)\"", modified: 1_700_000_000_000_000_000,
            headers: ["Content-Disposition": "filename=\"big.bin\"", "Content-Type": "application/octet-stream"],
            body: { offset, length in
                .stream(length: length) { writer in
                    var place = offset
                    let end = offset + length
                    while place < end {
                        let count = min(Self.pieceSize, end - place)
                        let start = place % Self.period
                        try await writer.write(Array(Self.pattern[start..<start + count]))
                        place += count
                    }
                }
            })
    }
}
