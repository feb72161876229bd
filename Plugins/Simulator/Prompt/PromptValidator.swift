internal import PluginAPI

/// Checks a prompt as ComfyUI does: which classes, which outputs, then each output with all it depends on.
struct PromptValidator: Sendable {
    let catalog: NodeCatalog

    /// Checks a prompt.
    ///
    /// - Parameter targets: The output nodes asked for; `nil` or `null` takes all.
    /// - Throws: The exception that makes the real server answer 500.
    func validate(_ prompt: JSON, targets: JSON?) throws(PythonError) -> PromptVerdict {
        guard let nodes = try Self.nodes(of: prompt) else {
            return PromptVerdict(prompt: [:], error: PromptError.noOutputs)
        }
        var outputs: [String] = []
        for (id, node) in nodes {
            guard let className = try Self.className(of: node) else {
                return PromptVerdict(prompt: nodes, error: PromptError.missingClassType(id))
            }
            guard let name = className.stringValue, let type = catalog[name] else {
                return PromptVerdict(prompt: nodes, error: PromptError.unknownClass(Python.str(className), id))
            }
            if type.isOutput, try Self.contains(id, in: targets) { outputs.append(id) }
        }
        guard !outputs.isEmpty else { return PromptVerdict(prompt: nodes, error: PromptError.noOutputs) }
        return judge(nodes, outputs)
    }

    private func judge(_ nodes: JSONObject, _ outputs: [String]) -> PromptVerdict {
        var walk = PromptWalk(nodes, catalog)
        var verdict = PromptVerdict(prompt: nodes)
        var details: [String] = []
        for output in outputs {
            let problems = walk.visit(output)
            if let problems {
                details += problems.map { "\($0["message"]?.stringValue ?? ""): \($0["details"]?.stringValue ?? "")" }
            } else {
                verdict.outputs.append(output)
                continue
            }
            // Everything that is wrong so far counts as this output's fault too, even what it does not depend on.
            for (id, reasons) in walk.failures {
                if verdict.nodeErrors[id] == nil {
                    let name = nodes[id]?["class_type"] ?? .null
                    verdict.nodeErrors[id] = ["errors": .array(reasons), "dependent_outputs": [], "class_type": name]
                }
                let known = verdict.nodeErrors[id]?["dependent_outputs"]?.arrayValue ?? []
                verdict.nodeErrors[id]?["dependent_outputs"] = .array(known + [.string(output)])
            }
        }
        verdict.prompt = walk.nodes
        if verdict.outputs.isEmpty { verdict.error = PromptError.failedOutputs(details) }
        return verdict
    }

    /// The nodes of a prompt; `nil` for what Python would iterate over zero times.
    private static func nodes(of prompt: JSON) throws(PythonError) -> JSONObject? {
        switch prompt {
        case .object(let object): return object.isEmpty ? nil : object
        case .array(let items) where items.isEmpty: return nil
        case .string(let text) where text.isEmpty: return nil
        case .array, .string: throw PythonError("TypeError", "indices must be integers or slices, not str")
        default: throw PythonError("TypeError", "'\(Python.typeName(prompt))' object is not iterable")
        }
    }

    /// The class of a node; `nil` when it names none.
    private static func className(of node: JSON) throws(PythonError) -> JSON? {
        switch node {
        case .object(let members):
            guard let name = members["class_type"] else { return nil }
            if name.arrayValue != nil || name.objectValue != nil {
                throw PythonError("TypeError", "unhashable type: '\(Python.typeName(name))'")
            }
            return name
        case .string(let text) where !text.contains("class_type"): return nil
        case .array(let items) where !items.contains("class_type"): return nil
        default: throw PythonError("TypeError", "'\(Python.typeName(node))' object is not subscriptable")
        }
    }

    /// Python's `id in targets`.
    private static func contains(_ id: String, in targets: JSON?) throws(PythonError) -> Bool {
        switch targets ?? .null {
        case .null: return true
        case .array(let items): return items.contains(.string(id))
        case .object(let members): return members.contains(id)
        case .string(let text): return text.contains(id)
        default: throw PythonError("TypeError", "argument is not iterable")
        }
    }
}
