import ComfyUI
import PluginAPI

/// A workflow in API format: an object of nodes, or that in a wrapper `{"prompt": {…}}`.
struct WorkflowFile: Sendable {
    /// The nodes by id, as they came: number text and key order are kept.
    let graph: JSONObject
    /// The keys of the wrapper; empty without one.
    let wrapper: JSONObject

    /// How texts are parsed: what is sent to a server repeats them some levels deeper.
    static let parsing = JSONParseOptions(maximumDepth: JSONParseOptions().maximumDepth - 32)

    /// Reads a file.
    ///
    /// - Throws: ``WorkflowProblem``.
    init(parsing bytes: [UInt8]) throws(WorkflowProblem) {
        let value: JSON
        do {
            value = try JSON(parsing: bytes, options: Self.parsing)
        } catch {
            throw .notJSON(error)
        }
        try self.init(value)
    }

    /// Takes a value.
    ///
    /// - Throws: ``WorkflowProblem``.
    init(_ value: JSON) throws(WorkflowProblem) {
        guard let object = value.objectValue else { throw .notAGraph("It is not a JSON object of nodes.") }
        // A node may be called "prompt".
        if let inner = object["prompt"], inner.objectValue != nil, inner["class_type"]?.stringValue == nil {
            graph = inner.objectValue ?? [:]
            wrapper = object
        } else {
            graph = object
            wrapper = [:]
        }
        guard graph["nodes"]?.arrayValue == nil, graph["links"]?.arrayValue == nil else { throw .savedByPage }
        guard !graph.isEmpty else { throw .notAGraph("It has no nodes.") }
        do {
            try PromptStructure.check(graph: .object(graph))
        } catch {
            let words = [error.error["message"], error.error["details"]].compactMap { $0?.stringValue }
            throw .notAGraph(words.joined(separator: " ") + ".")
        }
    }
}

/// Why a text is no workflow that can run.
enum WorkflowProblem: Error {
    /// It does not parse.
    case notJSON(JSONParseError)
    /// It is what ComfyUI's page saves: positions and links, not what a server runs.
    case savedByPage
    /// It is JSON of another form.
    case notAGraph(String)

    /// What a person should know.
    var message: String {
        switch self {
        case .notJSON(let error): "is not JSON: \(error)."
        case .savedByPage:
            "is in the format of ComfyUI's page (nodes and links), which a server cannot run. Export it in API format: "
                + "Workflow > Export (API) in ComfyUI, or Save (API Format) in older versions."
        case .notAGraph(let reason): "is not in API format. \(reason)"
        }
    }

    /// The error for somebody who sent it.
    var asSent: HTTPError {
        HTTPError(.badRequest, code, "The workflow \(message)", details: place)
    }

    /// The error for somebody who wants to run the file of that name.
    func ofFile(_ name: WorkflowName) -> HTTPError {
        // What the operator put there is not the caller's fault.
        HTTPError(
            isOtherFormat ? .badRequest : .internalServerError, code, "The workflow \(name.text) \(message)",
            details: place)
    }

    private var isOtherFormat: Bool {
        if case .savedByPage = self { return true }
        return false
    }

    private var code: String {
        switch self {
        case .notJSON: "workflow.bad_json"
        case .savedByPage: "workflow.not_api_format"
        case .notAGraph: "workflow.no_graph"
        }
    }

    private var place: JSON? {
        guard case .notJSON(let error) = self else { return nil }
        return ["line": .number(JSONNumber(error.line)), "column": .number(JSONNumber(error.column))]
    }
}
