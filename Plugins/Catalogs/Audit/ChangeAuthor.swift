import PluginAPI

/// Who makes a change, for the audit table.
struct ChangeAuthor: Sendable {
    /// The caller, as ``JobCaller/actor(of:)`` names it.
    let actor: String
    /// The id of the request, which the answer has in `X-Request-Id`.
    let requestID: String

    /// The caller of a request.
    init(_ request: Request) {
        actor = JobCaller.actor(of: request)
        requestID = request.id
    }
}
