/// Adds up the progress of one prompt from the events about it.
///
/// Overall progress is (finished nodes + share of the current node) / nodes of the graph. It never falls, and stays
/// below 100 until the prompt has ended: nodes that no output needs do not run.
public struct ProgressTracker: Sendable {
    /// The node being executed, as the graph names it.
    public private(set) var currentNode: String?
    /// How far the current node is, 0…1.
    public private(set) var currentShare: Double = 0
    /// How far the whole prompt is, 0…99.
    public private(set) var percent: Double = 0

    private let nodeCount: Int
    private var finished: Set<String> = []

    /// Starts at nothing, for a graph of so many nodes.
    public init(nodeCount: Int) {
        self.nodeCount = nodeCount
    }

    /// Takes an event in; events of other kinds are ignored.
    public mutating func apply(_ message: ComfyMessage) {
        switch message {
        case .executionCached(_, let nodes):
            for node in nodes { finish(node) }
        case .executing(_, let node?, let displayNode):
            begin(node, displayNode ?? node)
        case .progress(_, let node, let value, let maximum):
            guard node == currentNode, !finished.contains(node) else { return }
            currentShare = Self.share(value, maximum)
        case .progressState(_, let nodes):
            for node in nodes where node.id == node.displayID {
                if node.isFinished {
                    finish(node.id)
                } else if node.isRunning, node.id == currentNode, !finished.contains(node.id) {
                    currentShare = Self.share(node.value, node.maximum)
                }
            }
        case .executed(_, let node):
            finish(node)
        default:
            return
        }
        let done = Double(finished.count) + currentShare
        guard nodeCount > 0 else { return }
        percent = max(percent, min(99, 100 * done / Double(nodeCount)))
    }

    /// A node starts; on servers without `progress_state`, this is how the one before is known to have ended.
    private mutating func begin(_ node: String, _ displayNode: String) {
        guard displayNode != currentNode else { return }
        if node == displayNode, let before = currentNode { finish(before) }
        currentNode = displayNode
        currentShare = 0
    }

    private mutating func finish(_ node: String) {
        guard finished.insert(node).inserted, node == currentNode else { return }
        currentShare = 0
    }

    private static func share(_ value: Double, _ maximum: Double) -> Double {
        guard maximum > 0, value.isFinite, maximum.isFinite else { return 0 }
        return min(1, max(0, value / maximum))
    }
}
