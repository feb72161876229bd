import ComfyUI
import PluginAPI
import Synchronization

/// What the servers have, remembered for a while: `/object_info` is several megabytes.
///
/// A failure is not remembered, and does not replace what is.
final class InventoryCache: Sendable {
    private struct Key: Hashable {
        let id: String
        let baseURL: String
    }

    private struct Entry {
        let call = JoinedCall<ServerInventory>()
        var inventory: ServerInventory?
        var readAt: Instant
    }

    private let context: PluginContext
    private let ttl: Duration
    private let entries = Mutex<[Key: Entry]>([:])

    /// The longest time for a whole answer.
    static let timeout = Duration.seconds(30)
    /// The largest answer that is read, in bytes.
    static let answerLimit = 64 << 20
    /// How many servers are remembered.
    static let limit = 256

    /// Remembers nothing yet.
    init(context: PluginContext, ttl: Duration) {
        self.context = context
        self.ttl = ttl
    }

    /// What a server has; whoever asks while it is being read gets what comes of that.
    ///
    /// - Parameter refresh: Whether the server is asked whatever is remembered.
    /// - Throws: ``HTTPError`` 502 `COMFYUI_OBJECT_INFO_ERROR` or `COMFYUI_OBJECT_INFO_INVALID`.
    func inventory(of server: CatalogServer, refresh: Bool = false) async throws -> ServerInventory {
        let key = Key(id: server.id, baseURL: server.baseURL)
        let now = context.clock.now
        let (remembered, call) = entries.withLock { entries in
            let entry = Self.entry(key, now, &entries)
            let isFresh = !refresh && entry.readAt.duration(to: now) < ttl
            return (isFresh ? entry.inventory : nil, entry.call)
        }
        if let remembered { return remembered }
        return try await call.run { [self] in
            let inventory = try await read(server)
            entries.withLock { entries in
                entries[key]?.inventory = inventory
                entries[key]?.readAt = context.clock.now
            }
            return inventory
        }
    }

    /// The entry of a server; a new one takes the place of the oldest when there are too many.
    private static func entry(_ key: Key, _ now: Instant, _ entries: inout [Key: Entry]) -> Entry {
        if let entry = entries[key] { return entry }
        if entries.count >= limit, let oldest = entries.min(by: { $0.value.readAt < $1.value.readAt })?.key {
            entries[oldest] = nil
        }
        let entry = Entry(readAt: now)
        entries[key] = entry
        return entry
    }

    private func read(_ server: CatalogServer) async throws -> ServerInventory {
        let bytes: [UInt8]
        do {
            bytes = try await Deadline.run(Self.timeout, clock: context.clock) {
                try await server.client.with(timeout: Self.timeout).bytes("/object_info", limit: Self.answerLimit)
            }
        } catch {
            throw HTTPError(
                .badGateway, "COMFYUI_OBJECT_INFO_ERROR",
                "The server's /object_info cannot be read: \(ServerFailure.words(error)).", cause: error)
        }
        do {
            return try await context.blocking.run { try ObjectInfo.inventory(bytes) }
        } catch let error as JSONParseError {
            throw HTTPError(
                .badGateway, "COMFYUI_OBJECT_INFO_INVALID", "The server's /object_info is no JSON object.",
                cause: error)
        }
    }
}
