import ComfyUI
import PluginAPI

/// What a server's queue says of itself.
struct QueueStatus: Sendable {
    /// How many prompts run.
    var running = 0
    /// How many prompts wait.
    var pending = 0
    /// How many may wait; ComfyUI itself has no limit.
    var largest: Int?
    /// Whether the server has a queue that can be asked.
    var isSupported = true
    /// Why not.
    var message: String?
    /// The server's own answer, without keys to paid services; `nil` when nobody wants it.
    var raw: JSON?

    /// Says that a queue could not be asked.
    init(unsupported message: String, raw: JSON? = nil) {
        isSupported = false
        self.message = message
        self.raw = raw
    }

    /// Counts the prompts in a server's answer without making values of them: an answer has whole workflows.
    ///
    /// - Throws: `JSONParseError` when it is no JSON object.
    init(scanning bytes: [UInt8]) throws {
        var sizes: [String: Range<Int>] = [:]
        try bytes.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes, options: Self.options)
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                switch key {
                case "queue_running": running = try Self.count(&scanner)
                case "queue_pending": pending = try Self.count(&scanner)
                case "queue_size_max", "queue_max_size": sizes[key] = try scanner.skip()
                default: try scanner.skip()
                }
            }
            try scanner.end()
        }
        let size = (sizes["queue_size_max"] ?? sizes["queue_max_size"]).flatMap { try? JSON(parsing: Array(bytes[$0])) }
        largest = size?.intValue ?? size?.stringValue.flatMap { Int($0) }
    }

    /// The server's answer as it may be shown.
    ///
    /// - Throws: `JSONParseError` when it is no JSON.
    static func shown(_ bytes: [UInt8]) throws -> JSON {
        guard var body = try JSON(parsing: bytes, options: options).standard.objectValue else { return .null }
        for key in ["queue_running", "queue_pending"] {
            guard let items = body[key]?.arrayValue else { continue }
            body[key] = .array(items.map(withoutKeys))
        }
        return .object(body)
    }

    /// The answer about one server.
    func json(_ executorID: String, _ server: CatalogServer) -> JSON {
        [
            "executorId": .string(executorID), "baseUrl": .string(server.baseURL),
            "runningCount": .number(JSONNumber(running)), "pendingCount": .number(JSONNumber(pending)),
            "queueMaxSize": largest.map { .number(JSONNumber($0)) } ?? .null, "supported": .bool(isSupported),
            "message": message.map { .string($0) } ?? .null, "raw": raw ?? .null,
        ]
    }

    /// Python writes `NaN` where JSON has no word for it.
    private static let options = JSONParseOptions(allowsNonFiniteNumbers: true)

    private static func count(_ scanner: inout JSONScanner) throws -> Int {
        guard scanner.kind == .array else {
            try scanner.skip()
            return 0
        }
        var count = 0
        try scanner.beginArray()
        while try scanner.nextElement() {
            try scanner.skip()
            count += 1
        }
        return count
    }

    /// An item `[number, prompt_id, graph, extra_data, outputs]` without what its owner alone may know.
    private static func withoutKeys(_ item: JSON) -> JSON {
        guard var parts = item.arrayValue, parts.count > 3, var extra = parts[3].objectValue else { return item }
        extra.hidePrivateKeys(clientID: extra["client_id"]?.stringValue)
        parts[3] = .object(extra)
        return .array(parts)
    }
}
