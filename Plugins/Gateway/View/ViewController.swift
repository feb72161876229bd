import ComfyUI
import PluginAPI

/// `GET /api/view`: streams a file of a prompt from the worker that made it.
struct ViewController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine

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
                returns: FilePassing.schema,
                answers: FilePassing.answers,
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
        do {
            let answer = try await engine.registry.client(worker).view(file, headers: FilePassing.headers(of: request))
            guard ![401, 407].contains(answer.status.code) else {
                throw HTTPError(
                    .badGateway, "gateway.worker_unauthorized", "The worker does not accept the gateway's credentials.")
            }
            try Self.checkRefusal(answer)
            return try await FilePassing.response(answer)
        } catch let error as HTTPClientError {
            throw HTTPError(.badGateway, "gateway.worker_unreachable", "The worker cannot be reached.", cause: error)
        }
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
        let file = FileReference(viewing: query, filename)
        guard file.staysInFolder else { throw refusal("The file name leaves its folder.") }
        return file
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
