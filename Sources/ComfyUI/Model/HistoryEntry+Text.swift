public import PluginAPI

// An entry holds the whole graph, which is most of its text; these walk over it instead of making values of it.
extension HistoryEntry {
    /// Finds a prompt in an answer of `GET /history/{id}`; `nil` when it has not the usual form.
    init?(of promptID: String, scanning answer: [UInt8]) {
        let found = answer.withUnsafeBufferPointer { Self.find(promptID, $0) }
        guard let found else { return nil }
        self.init(text: Array(answer[found.place]), status: found.status)
    }

    private static func find(
        _ promptID: String, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> (place: Range<Int>, status: JSON?)? {
        var scanner = JSONScanner(bytes, options: .python)
        do throws(JSONParseError) {
            try scanner.beginObject()
            guard try scanner.nextKey()?.utf8.elementsEqual(promptID.utf8) == true else { return nil }
            guard scanner.kind == .object else { return nil }
            guard let found = try scan(&scanner, bytes), try scanner.nextKey() == nil else { return nil }
            try scanner.end()
            return found
        } catch {
            return nil
        }
    }

    /// The text with another id of the prompt, another client id in the prompt's `extra_data`, and without keys to paid services.
    ///
    /// - Parameters:
    ///   - promptID: The id to show; old servers choose their own.
    ///   - clientID: The id to show; `nil` removes it.
    public func text(promptID: String, clientID: String?) -> [UInt8] {
        guard let places = text.withUnsafeBufferPointer({ Self.places(in: $0) }) else { return text }
        guard case .object(var extra)? = try? JSON(parsing: Array(text[places.extraData]), options: .python) else {
            return text
        }
        extra.hidePrivateKeys(clientID: clientID)
        return text[..<places.id.lowerBound] + JSON.string(promptID).serialized()
            + text[places.id.upperBound..<places.extraData.lowerBound] + JSON.object(extra).serialized()
            + text[places.extraData.upperBound...]
    }

    /// The prompt's `extra_data`, as the server has it.
    var extraData: JSONObject? {
        guard let place = text.withUnsafeBufferPointer({ Self.places(in: $0)?.extraData }) else { return nil }
        return (try? JSON(parsing: Array(text[place]), options: .python))?.objectValue
    }

    /// The places of id and `extra_data` of the prompt: `{"prompt": [number, id, graph, extra_data, outputs], …}`.
    private static func places(in bytes: UnsafeBufferPointer<UInt8>) -> (id: Range<Int>, extraData: Range<Int>)? {
        var scanner = JSONScanner(bytes, options: .python)
        do throws(JSONParseError) {
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                guard key == "prompt" else {
                    try scanner.skip()
                    continue
                }
                try scanner.beginArray()
                var id: Range<Int>?
                var index = 0
                while try scanner.nextElement() {
                    let place = try scanner.skip()
                    if index == 1 { id = place }
                    if index == 3 { return id.map { ($0, place) } }
                    index += 1
                }
                return nil
            }
        } catch {}
        return nil
    }
}

extension JSONObject {
    /// Removes keys to paid services and a ``PromptMark`` from an `extra_data`, and puts another client id in place of the one
    /// there.
    public mutating func hidePrivateKeys(clientID: String?) {
        self[PromptMark.key] = nil
        self["api_key_comfy_org"] = nil
        self["auth_token_comfy_org"] = nil
        self["client_id"] = clientID.map { .string($0) }
    }
}

extension JSONParseOptions {
    /// Python writes `NaN` where JSON has no word for it.
    static var python: JSONParseOptions { JSONParseOptions(allowsNonFiniteNumbers: true) }
}
