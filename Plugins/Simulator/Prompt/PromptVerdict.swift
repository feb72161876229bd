internal import PluginAPI

/// What came out of checking a prompt.
struct PromptVerdict: Sendable {
    /// The prompt with its values converted.
    var prompt: JSONObject
    /// Why nothing can run; `nil` when something can.
    var error: JSON?
    /// The output nodes that will run.
    var outputs: [String] = []
    /// What is wrong, by node.
    var nodeErrors: JSONObject = [:]
}

/// Makes the error objects of `/prompt`.
enum PromptError {
    static func make(_ type: String, _ message: String, _ details: String, _ extra: JSONObject = [:]) -> JSON {
        [
            "type": .string(type), "message": .string(message), "details": .string(details),
            "extra_info": .object(extra),
        ]
    }

    static let noPrompt = make("no_prompt", "No prompt provided", "No prompt provided")
    static let noOutputs = make("prompt_no_outputs", "Prompt has no outputs", "")

    static func missingClassType(_ id: String) -> JSON {
        make(
            "invalid_prompt", "Cannot execute because a node is missing the class_type property.",
            "Node ID '#\(id)'")
    }

    static func unknownClass(_ name: String, _ id: String) -> JSON {
        make("invalid_prompt", "Cannot execute because node \(name) does not exist.", "Node ID '#\(id)'")
    }

    static func failedOutputs(_ details: [String]) -> JSON {
        make(
            "prompt_outputs_failed_validation", "Prompt outputs failed validation",
            details.joined(separator: "\n"))
    }

    /// An exception while an output node was checked.
    static func exception(_ error: PythonError) -> JSON {
        make(
            "exception_during_validation", "Exception when validating node", error.message,
            ["exception_type": .string(error.type), "traceback": traceback])
    }

    /// An exception while a node was checked that another one depends on.
    static func innerException(_ error: PythonError, input: String, config: JSON, link: JSON) -> JSON {
        make(
            "exception_during_inner_validation", "Exception when validating inner node", error.message,
            [
                "input_name": .string(input), "input_config": config, "exception_message": .string(error.message),
                "exception_type": .string(error.type), "traceback": traceback, "linked_node": link,
            ])
    }

    private static let traceback: JSON = ["  File \"simulator\", line 1, in validate_inputs\n"]
}
