import ComfyUI
import PluginAPI
import Synchronization

/// Reads the queue of a server by the first of its routes that is there: stock ComfyUI has no `/queue/status`.
struct QueueReader: Sendable {
    /// Gives time and threads.
    let context: PluginContext

    /// The longest time for the whole answer of a route.
    static let timeout = Duration.seconds(15)
    /// The largest answer that is read, in bytes.
    static let answerLimit = 64 << 20

    /// How full a server's queue is.
    ///
    /// - Parameter withRaw: Whether the server's own answer is wanted too.
    /// - Throws: ``HTTPError`` 502 `COMFYUI_QUEUE_STATUS_ERROR` or `COMFYUI_QUEUE_STATUS_INVALID`.
    func read(_ server: CatalogServer, withRaw: Bool) async throws -> QueueStatus {
        var last = Status.notFound
        for (client, path) in Self.routes(server) {
            let bytes: [UInt8]
            do {
                bytes = try await Deadline.run(Self.timeout, clock: context.clock) {
                    try await client.with(timeout: Self.timeout).bytes(path, limit: Self.answerLimit)
                }
            } catch let error as ComfyServerError where error.status == .notFound || error.status == .methodNotAllowed {
                last = error.status ?? last
                continue
            } catch {
                throw HTTPError(
                    .badGateway, "COMFYUI_QUEUE_STATUS_ERROR",
                    "The server's queue cannot be read: \(ServerFailure.words(error)).", cause: error)
            }
            do {
                return try await status(bytes, withRaw: withRaw)
            } catch let error as JSONParseError {
                throw HTTPError(
                    .badGateway, "COMFYUI_QUEUE_STATUS_INVALID", "The server's queue is no JSON object.", cause: error)
            }
        }
        return QueueStatus(
            unsupported: "The server has no route that tells of its queue.",
            raw: withRaw ? JSON.object(["status_code": .number(JSONNumber(last.code))]).serialized() : nil)
    }

    /// Reads an answer; who is cancelled does not wait until the whole of a large one is walked over.
    private func status(_ bytes: [UInt8], withRaw: Bool) async throws -> QueueStatus {
        let isGivenUp = Mutex(false)
        return try await withTaskCancellationHandler {
            try await context.blocking.run {
                var status = try QueueStatus(scanning: bytes) { isGivenUp.withLock { $0 } }
                if withRaw { status.raw = try QueueStatus.shown(bytes) }
                return status
            }
        } onCancel: {
            isGivenUp.withLock { $0 = true }
        }
    }

    /// The routes in the order in which they are tried.
    private static func routes(_ server: CatalogServer) -> [(client: ComfyClient, path: String)] {
        let client = server.client
        guard CatalogServer.root(of: server.baseURL) != nil else {
            return [(client, "/queue/status"), (client, "/api/queue"), (client, "/queue")]
        }
        guard let root = server.root else { return [(client, "/queue/status"), (client, "/queue")] }
        return [(root, "/queue/status"), (client, "/queue"), (root, "/queue")]
    }
}
