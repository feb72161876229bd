import PluginAPI

/// What seed 004 asks of a workflow before a server sees it.
enum WorkflowCheck {
    /// Checks a workflow: an object of at least one node, each an object with `class_type` and `inputs`.
    ///
    /// The first problem is told, in this order.
    ///
    /// - Throws: ``HTTPError`` 400 `WORKFLOW_VALIDATION_ERROR`.
    static func check(_ workflow: JSON) throws(HTTPError) {
        if isEmpty(workflow) { throw refusal("The workflow must not be empty.") }
        guard let nodes = workflow.objectValue else { throw refusal("The workflow must be an object of nodes.") }
        if nodes["nodes"]?.arrayValue != nil, nodes["links"]?.arrayValue != nil {
            throw refusal("The workflow must be in API format: export it with \"Save (API Format)\".")
        }
        for (id, node) in nodes {
            guard let members = node.objectValue else { throw refusal("Node \(name(id)) must be an object.") }
            guard members.contains("class_type") else {
                throw refusal("Node \(name(id)) has no class_type.", node: id)
            }
            guard members.contains("inputs") else { throw refusal("Node \(name(id)) has no inputs.", node: id) }
        }
    }

    /// Whether there is no workflow: `null`, or a value without content.
    static func isEmpty(_ workflow: JSON?) -> Bool {
        switch workflow {
        case nil, .null?, .bool(false)?: true
        case .object(let members)?: members.isEmpty
        case .array(let elements)?: elements.isEmpty
        case .string(let text)?: text.isEmpty
        default: false
        }
    }

    /// The most characters of a node's id that a refusal repeats.
    private static let longestName = 100

    private static func name(_ id: String) -> String {
        id.count > longestName ? String(id.prefix(longestName)) + "…" : id
    }

    private static func refusal(_ message: String, node: String? = nil) -> HTTPError {
        HTTPError(.badRequest, .validation, message, details: node.map { ["node_id": .string(name($0))] })
    }
}
