import PluginAPI

/// Reads what an agent sends (seed 001 §8).
enum AlertForm {
    /// The longest type in characters (code points).
    static let longestType = 64
    /// The longest message in characters (code points); longer ones are cut.
    static let longestMessage = 4096
    /// The largest payload in bytes of JSON; of a larger one its size is kept.
    static let largestPayload = 64 << 10
    /// The largest body in bytes.
    static let bodyLimit = 1 << 20

    /// How deep a body may be: it is shown again inside of others.
    private static let deepest = 32
    /// What the type may be called: the seed's word, the one of the answer, and its other spelling.
    private static let typeKeys = ["type", "alertType", "alert_type"]

    /// Reads a request.
    ///
    /// - Throws: ``HTTPError`` 422 for another form, 413 above ``bodyLimit``, 415 when it cannot be JSON.
    static func read(_ request: Request, of agentID: String) async throws -> AlertDraft {
        let body = try await BodyForm.object(request, limit: bodyLimit, mayBeAbsent: false, maximumDepth: deepest)
        var form = BodyForm(body)
        let key = typeKeys.first { body[$0]?.isNull == false } ?? "type"
        let type = form.requiredString(key).trimmed
        if body[key]?.stringValue != nil, !(1...longestType).contains(type.unicodeScalars.count) {
            form.reject(key, "String should have 1 to \(longestType) characters")
        }
        if type.utf8.contains(0) { form.reject(key, "String should have no NUL character") }
        let message = form.requiredString("message")
        let payload = form.object("payload")
        try form.finish()
        return AlertDraft(
            agentID: agentID, type: type, message: message.firstCodePoints(longestMessage),
            payload: payload.map(bounded))
    }

    /// The alert counts more than its facts: those that are too many are left out, and that is said.
    private static func bounded(_ payload: JSONObject) -> JSONObject {
        let size = JSON.object(payload).serialized().count
        guard size > largestPayload else { return payload }
        return ["truncated": true, "bytes": JSON(size)]
    }
}
