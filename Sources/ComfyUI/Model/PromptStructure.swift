public import PluginAPI

/// Checks that a body of `POST /prompt` has the form a server survives.
///
/// A server accepts some malformed bodies with 200 and then loses its worker thread or its whole process
/// (`extra_data: null`, a node without `inputs`, a `client_id` that is no text); these are refused here.
public enum PromptStructure {
    /// Checks a graph: an object of objects, each with a text `class_type` and an object `inputs`.
    ///
    /// - Throws: ``PromptRefusal`` 400 in ComfyUI's form.
    public static func check(graph: JSON) throws(PromptRefusal) {
        guard let nodes = graph.objectValue else {
            throw refusal("invalid_prompt", "The prompt is not an object of nodes.", "")
        }
        for (id, node) in nodes {
            let place = "Node ID '#\(id)'"
            guard node.objectValue != nil else {
                throw refusal("invalid_prompt", "Cannot execute because a node is not an object.", place)
            }
            guard node["class_type"]?.stringValue != nil else {
                throw refusal(
                    "invalid_prompt", "Cannot execute because a node is missing the class_type property.", place)
            }
            guard node["inputs"]?.objectValue != nil else {
                throw refusal("invalid_prompt", "Cannot execute because a node has no inputs object.", place)
            }
        }
    }

    /// Checks a `client_id`: a text, null, or none.
    ///
    /// - Throws: ``PromptRefusal`` 400 in ComfyUI's form.
    public static func check(clientID: JSON?) throws(PromptRefusal) {
        guard let clientID, clientID.stringValue == nil, !clientID.isNull else { return }
        throw refusal("invalid_client_id", "client_id must be a text.", "")
    }

    /// Checks the keys beside the graph: `extra_data` an object, `extra_pnginfo` in it too, `number` finite, `partial_execution_targets` a list of
    /// texts or null.
    ///
    /// Other keys pass.
    ///
    /// - Throws: ``PromptRefusal`` 400 in ComfyUI's form.
    public static func check(extra: JSONObject) throws(PromptRefusal) {
        if let data = extra["extra_data"] {
            guard data.objectValue != nil else {
                throw refusal("invalid_extra_data", "extra_data must be an object.", "")
            }
            if let id = data["client_id"], id.stringValue == nil, !id.isNull {
                throw refusal("invalid_extra_data", "extra_data.client_id must be a text.", "")
            }
            if let info = data["extra_pnginfo"], info.objectValue == nil, !info.isNull {
                throw refusal("invalid_extra_data", "extra_data.extra_pnginfo must be an object.", "")
            }
        }
        if let number = extra["number"] {
            let value = number.doubleValue ?? number.stringValue.flatMap { Double($0) }
            guard let value, value.isFinite else {
                throw refusal("invalid_number", "number must be a finite number.", "")
            }
        }
        if let targets = extra["partial_execution_targets"], !targets.isNull {
            guard let list = targets.arrayValue, list.allSatisfy({ $0.stringValue != nil }) else {
                throw refusal("invalid_targets", "partial_execution_targets must be a list of node ids.", "")
            }
        }
    }

    /// Checks that a body has no number that is none: a server reads `NaN` and `Infinity`, and then answers with texts
    /// that are no JSON.
    ///
    /// - Parameters:
    ///   - body: A body that is not JSON.
    ///   - maximumDepth: How many levels a body may have.
    /// - Throws: ``PromptRefusal`` 400 in ComfyUI's form, if that is all that is wrong.
    public static func checkNumbers(of body: [UInt8], maximumDepth: Int) throws(PromptRefusal) {
        let options = JSONParseOptions(maximumDepth: maximumDepth, allowsNonFiniteNumbers: true)
        guard let body = try? JSON(parsing: body, options: options).objectValue else { return }
        if let number = body["number"]?.numberValue, !number.isFinite {
            throw refusal("invalid_number", "number must be a finite number.", "")
        }
        throw refusal("invalid_prompt", "A number of the prompt is not finite (NaN or Infinity).", "")
    }

    static func refusal(_ type: String, _ message: String, _ details: String) -> PromptRefusal {
        PromptRefusal(
            error: [
                "type": .string(type), "message": .string(message), "details": .string(details), "extra_info": [:],
            ])
    }
}
