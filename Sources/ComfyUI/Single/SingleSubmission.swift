import PluginAPI

/// A checked prompt, ready to be sent to the single server.
struct SingleSubmission: Sendable {
    /// Our id of it.
    let promptID: String
    /// What it carries.
    let mark: PromptMark
    /// The number of nodes.
    let nodeCount: Int
    /// The body to send.
    let body: [UInt8]

    /// The longest client id in bytes: the server keeps it with the prompt.
    private static let longestClientID = 1000
    /// The longest chain of nodes that depend on each other: a server needs time with the square of it.
    private static let longestChain = 500
    /// Keys that are not passed on as they are.
    private static let ownKeys: Set<String> = ["prompt", "client_id", "prompt_id", "priority"]

    /// Checks a prompt.
    ///
    /// - Parameters:
    ///   - identity: Our client id towards the server.
    ///   - time: When it was submitted.
    /// - Throws: ``PromptRefusal`` when the server would not survive it; ``HTTPError`` 422 for an unusable id.
    init(_ prompt: PromptSubmission, identity: String, at time: Timestamp) throws {
        try PromptStructure.check(graph: prompt.prompt)
        try PromptStructure.check(extra: prompt.extra)
        try PromptStructure.check(graph: prompt.prompt, maximumDepth: Self.longestChain)
        if let id = prompt.promptID, !PromptID.isUsable(id) {
            throw HTTPError.invalid([(["body", "prompt_id"], "expected 1 to 200 printable characters, not . or ..")])
        }
        if let id = prompt.clientID, id.utf8.count > Self.longestClientID {
            throw HTTPError.invalid([(["body", "client_id"], "longer than \(Self.longestClientID) bytes")])
        }
        promptID = prompt.promptID ?? PromptID.random()
        nodeCount = prompt.prompt.objectValue?.count ?? 0
        var content: JSONObject = ["prompt": prompt.prompt]
        for (key, value) in prompt.extra where !Self.ownKeys.contains(key) { content[key] = value }
        mark = PromptMark(
            promptID: promptID, clientID: prompt.clientID,
            caller: prompt.caller ?? JobCaller.of(nil, clientID: prompt.clientID, address: nil), createdAt: time,
            fingerprint: Fingerprint.of(JSON.object(content).serialized()))
        // The server has one client, us; the caller's id travels in the mark.
        var extra = content["extra_data"]?.objectValue ?? [:]
        extra[PromptMark.key] = mark.json
        content["extra_data"] = .object(extra)
        content["client_id"] = .string(identity)
        content["prompt_id"] = .string(promptID)
        body = JSON.object(content).serialized()
    }
}
