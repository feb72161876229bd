import PluginAPI

/// Who makes a change, for the audit table.
struct ChangeAuthor: Sendable {
    /// The caller, as ``JobCaller/actor(of:)`` names it.
    let actor: String
    /// The address it came from: several people may hold the administrator's token.
    let address: String
    /// The id of the request, which the answer has in `X-Request-Id`.
    let requestID: String

    /// The caller of a request.
    init(_ request: Request) {
        actor = JobCaller.actor(of: request)
        address = request.clientAddress
        requestID = request.id
    }
}
