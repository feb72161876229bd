import PluginAPI

extension HistoryEntry {
    /// The entries of an answer of `GET /history` by prompt id, in its order; `nil` when it has not the usual form.
    ///
    /// Of each entry only the status is parsed: the graphs are most of such an answer.
    public static func list(scanning answer: [UInt8]) -> [(promptID: String, entry: HistoryEntry)]? {
        answer.withUnsafeBufferPointer { bytes -> [(promptID: String, entry: HistoryEntry)]? in
            var entries: [(promptID: String, entry: HistoryEntry)] = []
            var scanner = JSONScanner(bytes, options: .python)
            do throws(JSONParseError) {
                try scanner.beginObject()
                while let promptID = try scanner.nextKey() {
                    guard scanner.kind == .object else { return nil }
                    guard let (place, status) = try scan(&scanner, bytes) else { return nil }
                    entries.append((promptID, HistoryEntry(text: Array(bytes[place]), status: status)))
                }
                try scanner.end()
            } catch {
                return nil
            }
            return entries
        }
    }

    /// Steps over one entry, an object; `nil` when a key is repeated.
    static func scan(
        _ scanner: inout JSONScanner, _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(JSONParseError) -> (place: Range<Int>, status: JSON?)? {
        let start = scanner.position
        var status: JSON?
        var keys: Set<String> = []
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
            let place = try scanner.skip()
            guard keys.insert(key).inserted else { return nil }
            if key == "status" {
                status = try JSON(parsing: UnsafeBufferPointer(rebasing: bytes[place]), options: .python)
            }
        }
        return (start..<scanner.position, status)
    }

    /// The WebSocket id in the prompt's `extra_data`, as the server has it.
    public var clientID: String? { extraData?["client_id"]?.stringValue }
}
