import PluginAPI

extension JSONObject {
    /// The object with keys such as `agent_id` spelled `agentId`: both spellings of every key are taken.
    ///
    /// Where both are there, the one that came as `agentId` counts.
    var camelKeys: JSONObject {
        var object: JSONObject = [:]
        for (key, value) in self {
            let spelled = Self.camel(key)
            if spelled == key || !contains(spelled) { object[spelled] = value }
        }
        return object
    }

    private static func camel(_ key: String) -> String {
        guard key.utf8.contains(UInt8(ascii: "_")) else { return key }
        let words = key.split(separator: "_")
        guard let first = words.first else { return key }
        return String(first) + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}

extension BodyForm {
    /// Reads a request's body, whose keys may have either spelling; one without a body counts as `{}` where that is allowed.
    ///
    /// - Throws: ``HTTPError`` 422 when it is no object, 413 above the limit, 415 when it cannot be JSON.
    static func spelled(_ request: Request, limit: Int, mayBeAbsent: Bool = false) async throws -> BodyForm {
        BodyForm(try await body(request, limit: limit, mayBeAbsent: mayBeAbsent).camelKeys)
    }

    /// The body as it came.
    static func body(_ request: Request, limit: Int, mayBeAbsent: Bool) async throws -> JSONObject {
        // Deep bodies would be kept and shown again inside of others.
        try await object(request, limit: limit, mayBeAbsent: mayBeAbsent, maximumDepth: deepest)
    }

    private static let deepest = 32
}
