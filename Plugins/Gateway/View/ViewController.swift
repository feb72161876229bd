import ComfyUI
import PluginAPI

/// `GET /api/view`: streams a file of a prompt from the worker that made it.
struct ViewController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine

    /// Request headers that travel to the worker.
    private static let forwarded = [
        "Range", "If-Range", "If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since", "Accept",
    ]
    /// Answer headers that travel back.
    private static let returned = [
        "Content-Type", "Content-Encoding", "Content-Disposition", "Content-Range", "Accept-Ranges", "ETag",
        "Last-Modified",
        "Cache-Control", "Expires", "Vary",
    ]
    /// Bodies up to this size are read whole: one send instead of two, and no stream.
    private static let wholeBody = 64 << 10

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/view",
            docs: OperationDocs(
                "A file of a prompt, streamed from its worker.",
                description: """
                    `Range` and the conditional headers of HTTP are passed on. Without a `prompt_id` the file is the one \
                    worker's that is enabled; with several of them it is refused. A key without `jobs:all` gets the files \
                    that the results of its own prompts name, and has to name the prompt.
                    """,
                query: [
                    QueryDoc("prompt_id", "The prompt that made the file; needed if there are several workers."),
                    QueryDoc("filename", "The file's name.", required: true),
                    QueryDoc("subfolder", "The folder below the root of the type."),
                    QueryDoc("type", "`output` (default), `input` or `temp`."),
                    QueryDoc("preview", "Re-encode as `webp` or `jpeg`, with `;quality`."),
                    QueryDoc("channel", "`rgb`, `a` or `rgba`."),
                ],
                returns: ["contentMediaType": "*/*"],
                answers: [
                    AnswerDoc(206, "The part that `Range` asked for.", schema: ["contentMediaType": "*/*"]),
                    AnswerDoc(304, "The file is the one that the caller has."),
                    AnswerDoc(412, "The file is not the one that the caller named."),
                    AnswerDoc(416, "The file has no such part."),
                ],
                errors: [
                    (400, "No prompt_id, or a file name that leaves its folder."),
                    (404, "The prompt or the file is unknown."), (502, "The worker cannot be reached."),
                    OperationDocs.notYours,
                    (503, "The worker is no longer registered."),
                ]),
            use: view)
    }

    private func view(_ request: Request) async throws -> Response {
        let file = try Self.reference(request.query)
        let worker = try await owner(of: file, request)
        var headers = HTTPFields()
        for name in Self.forwarded {
            if let value = request.headers[name] { headers[name] = value }
        }
        let answer: ClientResponse
        do {
            answer = try await engine.registry.client(worker).view(file, headers: headers)
        } catch let error as HTTPClientError {
            throw HTTPError(.badGateway, "gateway.worker_unreachable", "The worker cannot be reached.", cause: error)
        }
        guard ![401, 407].contains(answer.status.code) else {
            throw HTTPError(
                .badGateway, "gateway.worker_unauthorized", "The worker does not accept the gateway's credentials.")
        }
        try Self.checkRefusal(answer)
        return try await Self.passOn(answer)
    }

    /// ComfyUI refuses a file with a status alone; callers get words.
    ///
    /// - Throws: ``HTTPError`` with the worker's status.
    private static func checkRefusal(_ answer: ClientResponse) throws {
        guard answer.body.length == 0 else { return }
        switch answer.status.code {
        case 404: throw HTTPError(.notFound, "gateway.unknown_file", "The worker has no such file.")
        case 400, 403: throw HTTPError(answer.status, "gateway.bad_view", "The worker refuses the file's name.")
        default: return
        }
    }

    /// The worker that has a file.
    private func owner(of file: FileReference, _ request: Request) async throws -> Worker {
        let isLimited = JobCaller.limit(of: request.principal) != nil
        guard let promptID = request.query["prompt_id"], !promptID.isEmpty else {
            guard !isLimited else {
                throw Self.refusal("The query parameter prompt_id is required for a key without the scope jobs:all.")
            }
            return try theOnlyWorker()
        }
        guard let job = try await engine.find(promptID)?.job else {
            guard !isLimited, let worker = await engine.foreign.owner(of: promptID) else {
                throw HTTPError.unknownPrompt
            }
            return worker
        }
        try JobCaller.check(job, request.principal)
        if isLimited { try await checkFile(file, of: job, request) }
        guard let workerID = job.workerID else { throw HTTPError.unknownPrompt }
        guard let worker = engine.registry.find(workerID) else { throw HTTPError.fileOfRemovedWorker }
        return worker
    }

    /// The one worker that is enabled: where files are when nobody says which prompt made them.
    private func theOnlyWorker() throws -> Worker {
        let enabled = engine.pool.members.lazy.map(\.worker).filter(\.enabled)
        guard let worker = enabled.first, enabled.count == 1 else {
            throw Self.refusal("The query parameter prompt_id is required: it tells which of the workers has the file.")
        }
        return worker
    }

    private static func refusal(_ words: String) -> HTTPError { HTTPError(.badRequest, "gateway.bad_view", words) }

    /// Refuses files that the prompt did not make, to callers who may see their own jobs only: names of files are easy to
    /// guess, and a worker keeps those of everybody in one folder.
    private func checkFile(_ file: FileReference, of job: Job, _ request: Request) async throws {
        let base = engine.context.daemon.baseURL(for: request)
        if case .ended(let answer)? = try await engine.known(job.promptID, base: base),
            let history = try? JSON(parsing: answer.history, options: JSONParseOptions(allowsNonFiniteNumbers: true)),
            let outputs = history[job.promptID]?["outputs"], OutputFiles.contain(file, outputs)
        {
            return
        }
        throw HTTPError(.notFound, "gateway.unknown_file", "The result of the prompt names no such file.")
    }

    /// Reads the query.
    ///
    /// - Throws: ``HTTPError`` 400.
    private static func reference(_ query: QueryItems) throws -> FileReference {
        guard let filename = query["filename"], !filename.isEmpty else {
            throw refusal("The query parameter filename is required.")
        }
        let subfolder = query["subfolder"] ?? ""
        let folders = subfolder.utf8.split(separator: UInt8(ascii: "/"))
        guard filename.utf8.first != UInt8(ascii: "/"), !filename.mentions(".."),
            subfolder.utf8.first != UInt8(ascii: "/"), !folders.contains(where: { $0.elementsEqual("..".utf8) }),
            !filename.utf8.contains(0), !subfolder.utf8.contains(0)
        else { throw refusal("The file name leaves its folder.") }
        var options: [String: String] = [:]
        for name in ["preview", "channel"] { options[name] = query[name] }
        let type = query["type"].flatMap { $0.isEmpty ? nil : $0 } ?? "output"
        return FileReference(filename: filename, subfolder: subfolder, type: type, options: options)
    }

    /// The worker's answer with its status, its describing headers and its body; as a stream unless it is small.
    private static func passOn(_ answer: ClientResponse) async throws -> Response {
        var headers = HTTPFields()
        for field in answer.headers.fields where returned.contains(where: { HTTPFields.same($0, field.name) }) {
            headers.append(field.name, field.value)
        }
        headers.append("X-Content-Type-Options", "nosniff")
        let type = answer.headers["Content-Type"]?.lowercased() ?? ""
        if ["html", "svg", "xml", "javascript"].contains(where: { type.mentions($0) }) {
            // A file of a workflow must not run scripts in the name of this daemon.
            headers.append("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
        }
        guard answer.body.length != 0, answer.status != .notModified else {
            return Response(status: answer.status, headers: headers)
        }
        let body = answer.body
        if let length = body.length, length <= wholeBody {
            return Response(status: answer.status, headers: headers, body: .bytes(try await whole(body, length)))
        }
        return Response(
            status: answer.status, headers: headers,
            body: .stream(length: body.length) { writer in
                for try await piece in body { try await writer.write(piece) }
            })
    }
    /// Reads a small body, which mostly came together with the header.
    ///
    /// - Throws: ``HTTPError`` 502 when the worker stops in the middle.
    private static func whole(_ body: HTTPBody, _ length: Int) async throws -> [UInt8] {
        do {
            let bytes = try await body.collect(upTo: length)
            guard bytes.count == length else {
                throw HTTPError(.badGateway, "gateway.worker_unreachable", "The worker sent only a part of the file.")
            }
            return bytes
        } catch let error as HTTPClientError {
            throw HTTPError(.badGateway, "gateway.worker_unreachable", "The worker cannot be reached.", cause: error)
        }
    }
}

extension HTTPError {
    /// 503 `gateway.worker_gone`.
    static var fileOfRemovedWorker: HTTPError {
        HTTPError(
            .serviceUnavailable, "gateway.worker_gone", "The worker that has the file is no longer registered.",
            headers: ["Retry-After": "60"])
    }
}

extension String {
    /// Whether a word is somewhere in it, byte for byte; ten times as fast as `contains`, which compares characters.
    fileprivate func mentions(_ word: String) -> Bool {
        let word = word.utf8
        var rest = utf8[...]
        while rest.count >= word.count {
            if rest.starts(with: word) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
