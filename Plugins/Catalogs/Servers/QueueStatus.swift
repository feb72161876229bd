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
    /// The server's own answer, without keys to paid services, as JSON text; `nil` when nobody wants it.
    var raw: [UInt8]?

    /// Says that a queue could not be asked.
    init(unsupported message: String, raw: [UInt8]? = nil) {
        isSupported = false
        self.message = message
        self.raw = raw
    }

    /// Counts the prompts in a server's answer without making values of them: an answer has whole workflows.
    ///
    /// - Parameter isGivenUp: Whether nobody waits for it any more; asked before each prompt.
    /// - Throws: `JSONParseError` when it is no JSON object; `CancellationError` when it is given up.
    init(scanning bytes: [UInt8], isGivenUp: () -> Bool = { false }) throws {
        if isGivenUp() { throw CancellationError() }
        var sizes: [String: Range<Int>] = [:]
        try bytes.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes, options: Self.options)
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                switch key {
                case "queue_running": running = try Self.count(&scanner, isGivenUp)
                case "queue_pending": pending = try Self.count(&scanner, isGivenUp)
                case "queue_size_max", "queue_max_size": sizes[key] = try scanner.skip()
                default: try scanner.skip()
                }
            }
            try scanner.end()
        }
        let size = (sizes["queue_size_max"] ?? sizes["queue_max_size"]).flatMap { try? JSON(parsing: Array(bytes[$0])) }
        largest = size?.intValue ?? size?.stringValue.flatMap { Int($0) }
    }

    /// The server's answer as it may be shown, as JSON text.
    ///
    /// Only one prompt at a time is made values of: those of a whole answer take ten times its memory.
    ///
    /// - Throws: `JSONParseError` when it is no JSON object.
    static func shown(_ bytes: [UInt8]) throws -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        try bytes.withUnsafeBufferPointer { bytes in
            func value(_ place: Range<Int>) throws -> JSON {
                try JSON(parsing: Array(bytes[place]), options: options).standard
            }
            var scanner = JSONScanner(bytes, options: options)
            text.append(UInt8(ascii: "{"))
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                if text.count > 1 { text.append(UInt8(ascii: ",")) }
                JSON.string(key).write(to: &text)
                text.append(UInt8(ascii: ":"))
                guard key == "queue_running" || key == "queue_pending", scanner.kind == .array else {
                    try value(scanner.skip()).write(to: &text)
                    continue
                }
                text.append(UInt8(ascii: "["))
                var isFirst = true
                try scanner.beginArray()
                while try scanner.nextElement() {
                    if !isFirst { text.append(UInt8(ascii: ",")) }
                    isFirst = false
                    withoutKeys(try value(scanner.skip())).write(to: &text)
                }
                text.append(UInt8(ascii: "]"))
            }
            try scanner.end()
            text.append(UInt8(ascii: "}"))
        }
        return text
    }

    /// The answer about one server, without ``raw``.
    func json(_ executorID: String, _ server: CatalogServer) -> JSON {
        .object(fields(executorID, server, raw: [("raw", .null)]))
    }

    /// The answer about one server as JSON text, with ``raw`` if there is one.
    func text(_ executorID: String, _ server: CatalogServer) -> [UInt8] {
        guard let raw else { return json(executorID, server).serialized() }
        var text = JSON.object(fields(executorID, server, raw: [])).serialized()
        text.removeLast()
        text.reserveCapacity(text.count + raw.count + 16)
        text += #","raw":"#.utf8
        text += raw
        text.append(UInt8(ascii: "}"))
        return text
    }

    private func fields(_ executorID: String, _ server: CatalogServer, raw: [(String, JSON)]) -> JSONObject {
        JSONObject(
            [
                ("executorId", .string(executorID)), ("baseUrl", .string(server.baseURL)),
                ("runningCount", .number(JSONNumber(running))), ("pendingCount", .number(JSONNumber(pending))),
                ("queueMaxSize", largest.map { .number(JSONNumber($0)) } ?? .null), ("supported", .bool(isSupported)),
                ("message", .nullable(message)),
            ] + raw)
    }

    /// Python writes `NaN` where JSON has no word for it.
    private static let options = JSONParseOptions(allowsNonFiniteNumbers: true)

    private static func count(_ scanner: inout JSONScanner, _ isGivenUp: () -> Bool) throws -> Int {
        guard scanner.kind == .array else {
            try scanner.skip()
            return 0
        }
        var count = 0
        try scanner.beginArray()
        while try scanner.nextElement() {
            if isGivenUp() { throw CancellationError() }
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
