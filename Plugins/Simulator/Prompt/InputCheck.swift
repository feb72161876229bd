internal import PluginAPI

/// Checks one input of one node and words what is wrong with it.
struct InputCheck {
    let input: NodeInput
    let catalog: NodeCatalog

    func missing() -> JSON {
        PromptError.make(
            "required_input_missing", "Required input is missing", input.name, ["input_name": .string(input.name)])
    }

    func badLink(_ value: JSON) -> JSON {
        PromptError.make(
            "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]", input.name,
            extra(received: value))
    }

    func mismatch(_ link: JSON, _ received: String) -> JSON {
        let wanted = input.typeName(choices: input.isChoice ? choices() : [])
        return PromptError.make(
            "return_type_mismatch", "Return type mismatch between linked nodes",
            "\(input.name), received_type(\(received)) mismatch input_type(\(wanted))",
            [
                "input_name": .string(input.name), "input_config": config, "received_type": .string(received),
                "linked_node": link,
            ])
    }

    static func custom(_ input: String, _ message: String) -> JSON {
        PromptError.make(
            "custom_validation_failed", "Custom validation failed for node", "\(input) - \(message)",
            ["input_name": .string(input)])
    }

    /// Converts a value to the type of the input and checks its bounds.
    func convert(_ given: JSON) -> (value: JSON, problem: JSON?) {
        let given = given["__value__"] ?? given
        guard case .named(let type) = input.type else {
            // Images are checked by the class itself.
            guard input.type != .inputImage else { return (given, nil) }
            return (given, choiceProblem(given))
        }
        do throws(PythonError) {
            let value = try Self.converted(given, to: type)
            return (value, boundsProblem(value))
        } catch {
            var info = extra(received: given)
            info["exception_message"] = .string(error.message)
            let problem = PromptError.make(
                "invalid_input_type", "Failed to convert an input value to a \(type) value",
                "\(input.name), \(Python.str(given)), \(error.message)", info)
            return (given, problem)
        }
    }

    private static func converted(_ value: JSON, to type: String) throws(PythonError) -> JSON {
        switch type {
        case "INT": return .number(try Python.int(value))
        case "FLOAT":
            // A float keeps its text.
            if let number = value.numberValue, number.isFinite, !Python.isInteger(number) { return value }
            return .number(JSONNumber(try Python.float(value)))
        case "STRING": return .string(Python.str(value))
        case "BOOLEAN": return .bool(Python.truth(value))
        default: return value
        }
    }

    private func boundsProblem(_ value: JSON) -> JSON? {
        guard let number = value.numberValue else { return nil }
        if let bound = input.options["min"]?.numberValue, Python.isLess(number, bound) {
            return PromptError.make(
                "value_smaller_than_min", "Value \(Python.str(value)) smaller than min of \(bound.literal)", input.name,
                extra(received: value))
        }
        if let bound = input.options["max"]?.numberValue, Python.isLess(bound, number) {
            return PromptError.make(
                "value_bigger_than_max", "Value \(Python.str(value)) bigger than max of \(bound.literal)", input.name,
                extra(received: value))
        }
        return nil
    }

    private func choiceProblem(_ value: JSON) -> JSON? {
        let words = choices()
        if let text = value.stringValue, words.contains(text) { return nil }
        let isLong = words.count > 20
        let list = isLong ? "(list of length \(words.count))" : Python.repr(.strings(words))
        var info = extra(received: value)
        if isLong { info["input_config"] = .null }
        return PromptError.make(
            "value_not_in_list", "Value not in list", "\(input.name): '\(Python.str(value))' not in \(list)", info)
    }

    /// The words the input accepts; asked only when needed, it may look at the disk.
    private func choices() -> [String] {
        catalog.choices(for: input)
    }

    private var config: JSON {
        input.config(choices: input.isChoice ? choices() : [])
    }

    private func extra(received: JSON) -> JSONObject {
        ["input_name": .string(input.name), "input_config": config, "received_value": received]
    }
}
