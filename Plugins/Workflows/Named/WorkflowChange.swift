import PluginAPI

/// What a caller wants changed in a named workflow before it runs (`spec/workflows.md` A3).
enum WorkflowChange: Sendable {
    /// Puts a text into one text node: the one named, else the first.
    case text(String, target: String?)
    /// Puts values into the inputs of nodes.
    case inputs([(node: String, values: JSONObject)])

    /// The nodes whose `text` is a prompt.
    static let textNodes: Set<String> = ["CLIPTextEncode", "Text Multiline"]

    /// Reads a body: the simple form if it has the key `prompt`, else the advanced form.
    ///
    /// - Throws: ``HTTPError`` 400.
    init(_ body: JSON) throws(HTTPError) {
        guard let object = body.objectValue else { throw .badWorkflowBody("The body must be a JSON object.") }
        guard let prompt = object["prompt"] else {
            self = .inputs(try Self.inputs(object))
            return
        }
        guard let text = prompt.stringValue else { throw .badWorkflowBody("prompt must be a text.") }
        self = .text(text, target: try Self.target(object["target_node"]))
    }

    private static func inputs(_ body: JSONObject) throws(HTTPError) -> [(node: String, values: JSONObject)] {
        var changes: [(node: String, values: JSONObject)] = []
        for (node, change) in body {
            guard let change = change.objectValue else {
                throw .badWorkflowBody("The value of node \(node) must be an object, such as {\"inputs\": {}}.")
            }
            guard let inputs = change["inputs"] else {
                changes.append((node, change))
                continue
            }
            guard let values = inputs.objectValue else {
                throw .badWorkflowBody("The inputs of node \(node) must be an object.")
            }
            changes.append((node, values))
        }
        return changes
    }

    private static func target(_ value: JSON?) throws(HTTPError) -> String? {
        switch value {
        case nil, .null?: return nil
        case .string(let id)?: return id.isEmpty ? nil : id
        case .number(let number)?: return number.int.map { String($0) } ?? number.literal
        default: throw .badWorkflowBody("target_node must be the id of a node.")
        }
    }

    /// Changes a graph; nothing but the inputs named.
    ///
    /// - Returns: The ids of the caller's nodes that the graph does not have.
    /// - Throws: ``HTTPError`` 400 when there is no node for the text.
    func apply(to graph: inout JSONObject) throws(HTTPError) -> [String] {
        switch self {
        case .text(let text, let target):
            let node = try Self.textNode(of: graph, target)
            graph[node]?["inputs"]?["text"] = .string(text)
            return []
        case .inputs(let changes):
            for (node, values) in changes where graph.contains(node) {
                for (name, value) in values { graph[node]?["inputs"]?[name] = value }
            }
            return changes.map(\.node).filter { !graph.contains($0) }
        }
    }

    private static func textNode(of graph: JSONObject, _ target: String?) throws(HTTPError) -> String {
        let isTextNode = { (node: JSON?) in node?["class_type"]?.stringValue.map(textNodes.contains) ?? false }
        if let target {
            guard isTextNode(graph[target]) else {
                throw HTTPError(
                    .badRequest, "workflow.no_text_node", "Target node \(target) is not a text input node")
            }
            return target
        }
        let nodes = graph.filter { isTextNode($0.value) }
        // A text that comes from another node over a link is not the caller's to write, unless there is no other.
        let isLiteral = { (node: JSON) in node["inputs"]?["text"]?.arrayValue == nil }
        guard let first = nodes.first(where: { isLiteral($0.value) }) ?? nodes.first else {
            throw HTTPError(
                .badRequest, "workflow.no_text_node", "No suitable text input node found in workflow")
        }
        return first.key
    }
}

extension HTTPError {
    /// 400 `workflow.bad_body`.
    static func badWorkflowBody(_ message: String) -> HTTPError {
        HTTPError(.badRequest, "workflow.bad_body", message)
    }
}
