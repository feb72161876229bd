import PluginAPI

extension BodyForm {
    /// How deep bodies and messages of seed 004 may be: answers of servers and of the daemon repeat them some levels deeper, and
    /// have to be read too.
    static let deepestV1 = JSONParseOptions().maximumDepth - 32

    /// Reads the body of a request of seed 004.
    ///
    /// - Throws: ``HTTPError`` 422 when it is no object of JSON, 413 above the limit, 415 when it cannot be JSON.
    static func v1(_ request: Request, limit: Int, mayBeAbsent: Bool = false) async throws -> BodyForm {
        BodyForm(try await object(request, limit: limit, mayBeAbsent: mayBeAbsent, maximumDepth: deepestV1))
    }
}
