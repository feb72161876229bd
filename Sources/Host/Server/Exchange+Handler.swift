import Glibc
import PluginAPI

/// The handler's side of an exchange: asks the responder and makes an answer of what it says.
extension Exchange {
    func handle(_ request: Request) async {
        switch await context.responder.respond(to: request) {
        case .response(let response): await answer(response, request)
        case .upgrade(let acceptance, let run):
            do {
                let key = try WebSocketHandshake.key(of: request)
                onLoop { exchange in
                    let upgrade = WebSocketUpgrade(acceptance: acceptance, run: run)
                    exchange.deliver(ResponseBuilder(exchange).upgrade(upgrade, key: key) ?? .abort)
                }
            } catch {
                await answer(context.responder.refusal(error, for: request), request)
            }
        }
        onLoop { $0.handlerEnded() }
    }

    private func answer(_ response: Response, _ request: Request) async {
        switch response.body {
        case .empty, .bytes: onLoop { $0.deliver(ResponseBuilder($0).whole(response) ?? .abort) }
        case .file(let path, let offset, let length):
            do {
                let file = try await context.files.run { try ResponseFile(path: path, offset: offset, length: length) }
                onLoop { $0.deliver(ResponseBuilder($0).file(file, response) ?? .abort) }
            } catch {
                request.logger.error("A file of an answer cannot be read", ["path": path, "error": "\(error)"])
                let missing = HTTPError(.internalServerError, "http.file", "The file cannot be read.", cause: error)
                let refusal = context.responder.refusal(missing, for: request)
                onLoop { $0.deliver(ResponseBuilder($0).refusal(refusal) ?? .abort) }
            }
        case .stream(let length, let write): await answer(response, request, length: length, write)
        @unknown default: onLoop { $0.deliver(.abort) }
        }
    }

    private func answer(
        _ response: Response, _ request: Request, length: Int?,
        _ write: @Sendable (any BodyWriter) async throws -> Void
    ) async {
        let stream = ResponseStream(length: length) { [weak self] in self?.onLoop { $0.resume() } }
        let hasBody = ResponseBuilder.hasBody(method: request.method.rawValue, status: response.status)
        onLoop { exchange in
            if hasBody { exchange.stream = stream }
            exchange.deliver(ResponseBuilder(exchange).stream(length: length, response) ?? .abort)
        }
        guard hasBody else { return }
        do {
            try await write(stream)
            stream.finish(.success(()))
        } catch {
            stream.finish(.failure(error))
            if error is CancellationError { return }
            request.logger.warning("A streamed answer failed", ["error": "\(error)"])
        }
    }
}

/// An open file of which a part is sent.
struct ResponseFile: Sendable {
    let descriptor: Int32
    let offset: Int
    let length: Int

    /// Opens a file; blocks.
    ///
    /// - Throws: ``ResponseFileError``.
    init(path: String, offset: Int, length: Int?) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ResponseFileError(reason: String(cString: strerror(errno))) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw ResponseFileError(reason: "not a regular file")
        }
        let size = Int(status.st_size)
        guard offset >= 0, offset <= size, (length ?? 0) >= 0, (length ?? 0) <= size - offset else {
            close(descriptor)
            throw ResponseFileError(reason: "the part is outside of the file's \(size) bytes")
        }
        self.descriptor = descriptor
        self.offset = offset
        self.length = length ?? size - offset
    }
}

/// Why a file cannot be sent.
struct ResponseFileError: Error, CustomStringConvertible {
    let reason: String

    var description: String { reason }
}
