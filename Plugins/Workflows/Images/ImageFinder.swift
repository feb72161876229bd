import ComfyUI
import PluginAPI

/// Finds files on the servers, and input files in the store when no server has them.
struct ImageFinder: Sendable {
    /// What runs the prompts.
    let backends: Backends
    /// The input files that are kept.
    let inputs: InputFolder
    /// Threads for files.
    let blocking: any BlockingThreads

    /// The file as its server, or the store, gives it; range and conditions of the request count.
    ///
    /// - Parameter promptID: The prompt that made it; `nil` when the client does not know.
    /// - Throws: ``HTTPError`` 403 for somebody else's prompt, or when the caller has to name one; 404 `IMAGE_NOT_FOUND`; 503
    ///   `CONNECTION_ERROR` when no server could be asked; ``HTTPClientError``.
    func find(_ file: FileReference, of promptID: String?, for request: Request) async throws -> Response {
        guard file.staysInFolder else { throw HTTPError.noImage }
        if let promptID {
            try await check(file, of: promptID, request.principal)
            let answer = try await backends.current.file(file, of: promptID, headers: FilePassing.headers(of: request))
            return try await Self.response(answer)
        }
        guard JobCaller.limit(of: request.principal) == nil else {
            throw HTTPError(
                .forbidden, "workflows.prompt_id_required",
                "Name the prompt that made the file (prompt_id): only a key with the scope \(JobScope.allJobs) gets others."
            )
        }
        return try await findAnywhere(file, headers: FilePassing.headers(of: request))
    }

    /// Refuses prompts of others; and files that the prompt did not make to callers who may see their own jobs only: names of
    /// files are easy to guess, and a server keeps those of everybody in one folder.
    private func check(_ file: FileReference, of promptID: String, _ principal: Principal?) async throws {
        let backend = backends.current
        guard let job = try await backend.job(promptID) else { throw HTTPError.noImage }
        try JobCaller.check(job.caller, principal)
        guard JobCaller.limit(of: principal) != nil else { return }
        guard let outputs = try await backend.history(promptID)?["outputs"], OutputFiles.contain(file, outputs) else {
            throw HTTPError.noImage
        }
    }

    /// Asks one server after the other, those that answered last time first.
    private func findAnywhere(_ file: FileReference, headers: HTTPFields) async throws -> Response {
        let backend = backends.current
        let servers = try await backend.servers()
        let healthy = servers.filter(\.healthy)
        var answered = false
        var failure: (any Error)?
        for server in healthy.isEmpty ? servers : healthy {
            do {
                let client = ComfyClient(baseURL: "", http: try backend.client(of: server.id))
                let answer = try await client.view(file, headers: headers)
                if Self.hasFile(answer.status) { return try await FilePassing.response(answer) }
                if answer.status.code < 500, ![401, 407].contains(answer.status.code) { answered = true }
            } catch let error as HTTPClientError {
                failure = error
            } catch let error as HTTPError {
                // The server was removed meanwhile.
                failure = error
            }
        }
        if let kept = try await kept(file, headers) { return kept }
        guard answered else {
            throw HTTPError(.serviceUnavailable, .connection, "No ComfyUI server could be asked.", cause: failure)
        }
        throw HTTPError.noImage
    }

    private static func hasFile(_ status: Status) -> Bool {
        status.isSuccess || [304, 412, 416].contains(status.code)
    }

    private static func response(_ answer: ClientResponse) async throws -> Response {
        guard hasFile(answer.status) else {
            guard answer.status.code < 500, ![401, 407].contains(answer.status.code) else {
                throw ComfyServerError(status: answer.status, body: [])
            }
            throw HTTPError.noImage
        }
        return try await FilePassing.response(answer)
    }

    /// An input file of the store, or the part of it that is asked for, if it is one.
    private func kept(_ file: FileReference, _ asked: HTTPFields) async throws -> Response? {
        guard file.options.isEmpty,
            let name = InputName(filename: file.filename, subfolder: file.subfolder, type: file.type)
        else { return nil }
        let (inputs, path) = (inputs, inputs.path(of: name))
        guard let size = try await blocking.run({ inputs.size(of: name) }) else { return nil }
        var headers: HTTPFields = ["Content-Type": MediaType.of(file.filename), "Accept-Ranges": "bytes"]
        FilePassing.disarm(&headers)
        switch ByteRange(asked, size: size) {
        case .whole: return Response(headers: headers, body: .file(path: path, length: size))
        case .part(let range):
            headers["Content-Range"] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
            return Response(
                status: .partialContent, headers: headers,
                body: .file(path: path, offset: range.lowerBound, length: range.count))
        case .outside: return Response(status: 416, headers: ["Content-Range": "bytes */\(size)"])
        }
    }
}

extension HTTPError {
    /// 404 `IMAGE_NOT_FOUND`.
    static var noImage: HTTPError { HTTPError(.notFound, .imageNotFound, "There is no such file.") }
}
