import ComfyUI
import PluginAPI

/// A checked prompt, ready to be stored and sent.
struct Submission: Sendable {
    /// The job's id.
    let promptID: String
    /// Whether the caller chose the id.
    let isCallersID: Bool
    /// The caller's WebSocket id; one of ours if it gave none.
    let clientID: String?
    /// The caller's WebSocket id as it came.
    let givenClientID: String?
    /// Whose job it is, see ``JobCaller``.
    var caller: String
    /// Larger is earlier; `nil` to go straight to a worker.
    let priority: Int?
    /// Its place among its caller's jobs.
    let order: PromptOrder
    /// The number of nodes.
    let nodeCount: Int
    /// The body to send, without the ids: `{"prompt": …, …}`; the parts mostly as the caller wrote them.
    let body: [UInt8]
    /// See ``Fingerprint``.
    let fingerprint: String

    /// Checks a prompt.
    ///
    /// - Throws: ``PromptRefusal`` when a worker would not survive it; ``HTTPError`` 422 for an unusable id.
    init(_ prompt: PromptSubmission) throws {
        try PromptStructure.check(graph: prompt.prompt)
        try PromptStructure.check(extra: prompt.extra)
        if let id = prompt.promptID, !PromptID.isUsable(id) {
            throw HTTPError.invalid([(["body", "prompt_id"], "expected 1 to 200 printable characters, not . or ..")])
        }
        if let id = prompt.clientID, id.utf8.count > Self.longestClientID {
            throw HTTPError.invalid([(["body", "client_id"], "longer than \(Self.longestClientID) bytes")])
        }
        promptID = prompt.promptID ?? PromptID.random()
        isCallersID = prompt.promptID != nil
        givenClientID = prompt.clientID
        clientID = prompt.clientID ?? PromptID.random()
        caller = prompt.caller ?? JobCaller.of(nil, clientID: prompt.clientID, address: nil)
        priority = prompt.priority
        order = PromptOrder(prompt.extra)
        nodeCount = prompt.prompt.objectValue?.count ?? 0
        var object: JSONObject = ["prompt": prompt.prompt]
        for (key, value) in prompt.extra where !Self.ownKeys.contains(key) { object[key] = value }
        body = JSON.object(object).serialized()
        fingerprint = Fingerprint.of(body)
    }

    /// Takes a prompt that a ``SubmissionScan`` has checked; `nil` for an unusable id.
    init?(promptID: String?, clientID: String?, priority: Int?, order: PromptOrder, nodeCount: Int, body: [UInt8]) {
        if let promptID, !PromptID.isUsable(promptID) { return nil }
        if let clientID, clientID.utf8.count > Self.longestClientID { return nil }
        self.promptID = promptID ?? PromptID.random()
        isCallersID = promptID != nil
        givenClientID = clientID.flatMap { $0.isEmpty ? nil : $0 }
        self.clientID = givenClientID ?? PromptID.random()
        caller = ""
        self.priority = priority
        self.order = order
        self.nodeCount = nodeCount
        self.body = body
        // Only a caller's own id can come twice; then white space must not make another job of the same prompt.
        let compact = isCallersID ? (try? JSON(parsing: body))?.serialized() : nil
        fingerprint = Fingerprint.of(compact ?? body)
    }

    /// The longest client id in bytes: it is kept in memory and in storage with each job, as its caller.
    private static let longestClientID = 1000

    /// Keys that are not passed on as they are.
    static let ownKeys: Set<String> = ["prompt", "client_id", "prompt_id", "priority"]

    /// How a body is read: answers of workers and of the gateway repeat it some levels deeper, and have to be read too.
    static let parsing = JSONParseOptions(maximumDepth: JSONParseOptions().maximumDepth - 32)

    /// A whole body of `POST /prompt`: a stored one with ids in front.
    static func body(_ stored: [UInt8], promptID: String, clientID: String) -> [UInt8] {
        let ids: JSON = ["client_id": .string(clientID), "prompt_id": .string(promptID)]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(stored.count + 160)
        ids.write(to: &bytes)
        bytes.removeLast()
        bytes.append(UInt8(ascii: ","))
        bytes.append(contentsOf: stored.dropFirst())
        return bytes
    }
}
