import PluginAPI

/// What a caller wants to store, or to have computed.
struct DiffForm: Sendable {
    /// The server that the others are compared with.
    let baseline: String
    /// The snapshot, or what is to be in a computed one besides.
    let payload: JSONObject
    /// The servers to compare; `nil` for all that count.
    let executorIDs: [String]?

    /// The largest body in bytes.
    static let bodyLimit = 16 << 20
    /// The longest id in characters.
    static let longestID = 255
    /// How many servers a snapshot may name.
    static let mostServers = 1000

    /// The servers of the caller's own snapshot, whatever they are; `nil` asks for a computed one.
    var servers: JSON? { payload["servers"].flatMap { $0.isNull ? nil : $0 } }

    /// Checks a body.
    ///
    /// - Throws: ``HTTPError`` 422 with all that is wrong.
    init(_ form: BodyForm) throws {
        var form = form
        baseline = form.requiredString("baseline_executor_id").trimmed
        if form.value("baseline_executor_id")?.stringValue != nil {
            if let problem = Self.problem(baseline) { form.reject("baseline_executor_id", problem) }
        }
        payload = form.has("payload") ? form.requiredObject("payload") : [:]
        executorIDs = form.strings("executorIds")?.map(\.trimmed)
        if let executorIDs {
            if executorIDs.count > Self.mostServers {
                form.reject("executorIds", "List should have at most \(Self.mostServers) items")
            } else if let problem = executorIDs.lazy.compactMap(Self.problem).first {
                form.reject("executorIds", problem)
            }
        }
        if let servers = servers?.arrayValue, servers.count > Self.mostServers {
            form.reject("payload", "servers should have at most \(Self.mostServers) items")
        }
        try form.finish()
    }

    private static func problem(_ id: String) -> String? {
        if id.isEmpty { return "String should have at least 1 character" }
        if id.unicodeScalars.count > longestID { return "String should have at most \(longestID) characters" }
        return id.utf8.contains(0) ? "String should have no NUL character" : nil
    }
}
