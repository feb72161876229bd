public import PluginAPI

/// What a frame of a server's WebSocket says.
public enum ComfyMessage: Sendable {
    /// How many prompts the server has, running and waiting; `sid` only in the first frame of a connection.
    case status(queueRemaining: Int?, sid: String?)
    /// A prompt starts.
    case executionStart(promptID: String)
    /// These nodes of a prompt need not run.
    case executionCached(promptID: String, nodes: [String])
    /// A node starts; `node` is `nil` when the prompt has ended, however it ended.
    case executing(promptID: String?, node: String?, displayNode: String?)
    /// A node has come so far.
    case progress(promptID: String, node: String, value: Double, maximum: Double)
    /// All nodes touched so far, each time.
    case progressState(promptID: String, nodes: [NodeState])
    /// A node with an output for people ended.
    case executed(promptID: String, node: String)
    /// A prompt ended well; its history follows.
    case executionSuccess(promptID: String)
    /// A prompt ended with an exception.
    case executionError(promptID: String, message: String)
    /// A prompt was interrupted.
    case executionInterrupted(promptID: String)
    /// A preview image.
    case preview(PreviewImage)
    /// A text that a node shows; belongs to no prompt.
    case text(nodeID: String, String)
    /// Anything else, and messages without the keys they need.
    case other

    /// Reads a message.
    public init(type: String, data: JSON) {
        if type == "status" {
            self = .status(
                queueRemaining: data["status"]?["exec_info"]?["queue_remaining"]?.intValue,
                sid: data["sid"]?.stringValue)
            return
        }
        let prompt = data["prompt_id"]?.stringValue
        if type == "executing" {
            self = .executing(
                promptID: prompt, node: data["node"]?.stringValue, displayNode: data["display_node"]?.stringValue)
            return
        }
        self = prompt.map { Self.message(type, $0, data) } ?? .other
    }

    private static func message(_ type: String, _ prompt: String, _ data: JSON) -> ComfyMessage {
        switch type {
        case "execution_start":
            return .executionStart(promptID: prompt)
        case "execution_cached":
            return .executionCached(
                promptID: prompt, nodes: (data["nodes"]?.arrayValue ?? []).compactMap(\.stringValue))
        case "progress":
            guard let node = data["node"]?.stringValue, let value = data["value"]?.doubleValue,
                let maximum = data["max"]?.doubleValue
            else { return .other }
            return .progress(promptID: prompt, node: node, value: value, maximum: maximum)
        case "progress_state":
            let nodes = (data["nodes"]?.objectValue ?? [:]).map { NodeState(id: $0.key, $0.value) }
            return .progressState(promptID: prompt, nodes: nodes)
        case "executed":
            guard let node = data["node"]?.stringValue else { return .other }
            return .executed(promptID: prompt, node: node)
        case "execution_success":
            return .executionSuccess(promptID: prompt)
        case "execution_error":
            return .executionError(
                promptID: prompt, message: HistoryEntry.words(of: data) ?? "the server reported an error")
        case "execution_interrupted":
            return .executionInterrupted(promptID: prompt)
        default:
            return .other
        }
    }
}

// MARK: - Asking

extension ComfyMessage {
    /// The prompt it is about.
    public var promptID: String? {
        switch self {
        case .executionStart(let id), .executionCached(let id, _), .progress(let id, _, _, _),
            .progressState(let id, _), .executed(let id, _), .executionSuccess(let id), .executionError(let id, _),
            .executionInterrupted(let id):
            id
        case .executing(let id, _, _): id
        case .preview(let preview): preview.promptID
        case .status, .text, .other: nil
        }
    }

    /// Whether the prompt has ended, however it ended.
    public var endsPrompt: Bool {
        switch self {
        case .executionSuccess, .executionError, .executionInterrupted: true
        case .executing(_, let node, _): node == nil
        default: false
        }
    }

    /// Whether it is sent only while a prompt is executed.
    public var showsExecution: Bool {
        switch self {
        case .executionStart, .executionCached, .executing, .progress, .progressState, .executed, .preview: true
        default: false
        }
    }
}

/// How far a node is, as `progress_state` says.
public struct NodeState: Sendable, Equatable {
    /// The node; nodes of expanded subgraphs have ids of their own.
    public let id: String
    /// The node of the graph that it belongs to.
    public let displayID: String
    /// Whether it has ended.
    public let isFinished: Bool
    /// Whether it runs now.
    public let isRunning: Bool
    /// How far it is, in its own unit.
    public let value: Double
    /// Where it ends, in the same unit.
    public let maximum: Double

    init(id: String, _ data: JSON) {
        self.id = id
        displayID = data["display_node_id"]?.stringValue ?? id
        let state = data["state"]?.stringValue
        isFinished = state == "finished"
        isRunning = state == "running"
        value = data["value"]?.doubleValue ?? 0
        maximum = data["max"]?.doubleValue ?? 0
    }
}
