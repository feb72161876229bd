import PluginAPI

/// Whose job it is: callers take turns in the queue.
enum Caller {
    /// The caller of a request: its API key, else the client id it sent, else its address.
    static func of(_ principal: Principal?, clientID: String?, address: String?) -> String {
        if let principal, principal.kind == .apiKey { return key(principal.id) }
        if let clientID, !clientID.isEmpty { return "client:" + clientID }
        if let principal { return principal.kind.rawValue + ":" + principal.id }
        return "address:" + (address.flatMap { $0.isEmpty ? nil : $0 } ?? "unknown")
    }

    /// The caller that an API key makes.
    static func key(_ id: String) -> String { "key:" + id }
}
