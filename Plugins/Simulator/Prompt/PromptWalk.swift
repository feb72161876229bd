internal import PluginAPI

/// Visits the nodes that outputs depend on, deepest first, and keeps what was found; no recursion, prompts can be deep.
struct PromptWalk {
    /// Beyond this depth Python gives up.
    private static let depthLimit = 972

    /// A node that is being visited and what of it is still to do.
    private struct Frame {
        var id: String
        var children: [Child]
        /// The exception that ends the visit after the children.
        var exception: PythonError?
        var next = 0
    }

    /// A link that is followed.
    private struct Child {
        var id: String
        var input: NodeInput
        var link: JSON
    }

    private let catalog: NodeCatalog
    private(set) var nodes: JSONObject
    private var order: [String] = []
    private var results: [String: [JSON]] = [:]
    private var invalid: Set<String> = []
    private var open: Set<String> = []

    init(_ nodes: JSONObject, _ catalog: NodeCatalog) {
        self.nodes = nodes
        self.catalog = catalog
    }

    /// The nodes that have something wrong with themselves, in the order of their visits.
    var failures: [(String, [JSON])] {
        order.compactMap { id in
            guard invalid.contains(id), let reasons = results[id], !reasons.isEmpty else { return nil }
            return (id, reasons)
        }
    }

    /// Visits an output node.
    ///
    /// - Returns: What is wrong with the node itself; `nil` when it can run.
    mutating func visit(_ output: String) -> [JSON]? {
        if results[output] == nil { walk(from: output) }
        return invalid.contains(output) ? results[output] ?? [] : nil
    }

    private mutating func walk(from root: String) {
        var stack = [enter(root)]
        while var frame = stack.popLast() {
            if frame.next < frame.children.count {
                let child = frame.children[frame.next]
                frame.next += 1
                stack.append(frame)
                descend(to: child, &stack)
                continue
            }
            open.remove(frame.id)
            guard let exception = frame.exception else {
                record(frame.id, check(frame.id))
                continue
            }
            if let parent = stack.last, parent.children.indices.contains(parent.next - 1) {
                record(frame.id, inner(exception, parent.children[parent.next - 1]))
            } else {
                record(frame.id, [PromptError.exception(exception)])
            }
        }
    }

    private mutating func descend(to child: Child, _ stack: inout [Frame]) {
        // A node that is still open depends on itself: it stays without a result, which its dependants count as invalid.
        guard results[child.id] == nil, !open.contains(child.id) else { return }
        guard stack.count < Self.depthLimit else {
            let error = PythonError(
                "RecursionError", "maximum recursion depth exceeded while calling a Python object")
            record(child.id, inner(error, child))
            return
        }
        stack.append(enter(child.id))
    }

    private func inner(_ error: PythonError, _ child: Child) -> [JSON] {
        let config = child.input.config(choices: catalog.choices(for: child.input))
        return [PromptError.innerException(error, input: child.input.name, config: config, link: child.link)]
    }

    private mutating func record(_ id: String, _ reasons: [JSON]?) {
        if results[id] == nil { order.append(id) }
        results[id] = reasons ?? []
        if reasons != nil { invalid.insert(id) }
    }

    /// Looks at the links of a node, up to the first that raises.
    private mutating func enter(_ id: String) -> Frame {
        open.insert(id)
        var frame = Frame(id: id, children: [])
        guard let type = type(of: id) else { return frame }
        let inputs: JSONObject
        switch nodes[id]?["inputs"] {
        case nil:
            frame.exception = PythonError("KeyError", "'inputs'")
            return frame
        case .object(let members)?: inputs = members
        case .array?, .string?: return frame
        case let other?:
            let message = "argument of type '\(Python.typeName(other))' is not iterable"
            frame.exception = PythonError("TypeError", message)
            return frame
        }
        for input in type.visibleInputs {
            guard let link = inputs[input.name]?.arrayValue, link.count == 2 else { continue }
            switch output(of: link) {
            case .failure(let error):
                frame.exception = error
                return frame
            case .success(let received):
                guard Self.fits(received, input, catalog), let node = link[0].stringValue else { continue }
                frame.children.append(Child(id: node, input: input, link: .array(link)))
            }
        }
        return frame
    }

    /// The type a link delivers.
    private func output(of link: [JSON]) -> Result<String, PythonError> {
        guard let id = link[0].stringValue, nodes[id] != nil else {
            return .failure(PythonError("KeyError", Python.repr(link[0])))
        }
        guard let number = link[1].numberValue, Python.isInteger(number) else {
            let name = Python.typeName(link[1])
            return .failure(PythonError("TypeError", "tuple indices must be integers or slices, not \(name)"))
        }
        let outputs = type(of: id)?.outputs ?? []
        // A negative slot counts from the end.
        let slot = number.int.map { $0 < 0 ? $0.addingReportingOverflow(outputs.count).partialValue : $0 } ?? -1
        guard outputs.indices.contains(slot) else {
            return .failure(PythonError("IndexError", "tuple index out of range"))
        }
        return .success(outputs[slot].type)
    }

    private func type(of id: String) -> NodeType? {
        nodes[id]?["class_type"]?.stringValue.flatMap { catalog[$0] }
    }

    private static func fits(_ received: String, _ input: NodeInput, _ catalog: NodeCatalog) -> Bool {
        guard case .named(let wanted) = input.type else {
            return received == "*" || (input.isV3 && received == "COMBO")
        }
        return wanted == "*" || received == "*" || received == wanted
    }
}

extension PromptWalk {
    /// Checks the values of a node whose dependencies were visited; `nil` when all is well.
    private mutating func check(_ id: String) -> [JSON]? {
        guard let type = type(of: id) else { return [] }
        let inputs = nodes[id]?["inputs"]?.objectValue ?? [:]
        var reasons: [JSON] = []
        var isValid = true
        for input in type.visibleInputs {
            let checker = InputCheck(input: input, catalog: catalog)
            guard let value = inputs[input.name] else {
                if input.group == .required { reasons.append(checker.missing()) }
                continue
            }
            if let link = value.arrayValue {
                guard link.count == 2, case .success(let received) = output(of: link) else {
                    reasons.append(checker.badLink(value))
                    continue
                }
                guard Self.fits(received, input, catalog) else {
                    reasons.append(checker.mismatch(value, received))
                    continue
                }
                let upstream = link[0].stringValue ?? ""
                if results[upstream] == nil || invalid.contains(upstream) { isValid = false }
                continue
            }
            let (converted, problem) = checker.convert(value)
            if converted != value { nodes[id]?["inputs"]?[input.name] = converted }
            if let problem { reasons.append(problem) }
        }
        if let problem = customProblem(type, id) { reasons.append(problem) }
        return reasons.isEmpty && isValid ? nil : reasons
    }

    /// What the class's own check says.
    private func customProblem(_ type: NodeType, _ id: String) -> JSON? {
        let inputs = nodes[id]?["inputs"]
        if let input = type.imageInput, let name = inputs?[input]?.stringValue {
            guard AnnotatedName(name).path(in: catalog.folders, default: .input) == nil else { return nil }
            return InputCheck.custom(input, "Invalid image file: \(name)")
        }
        guard type.name == "LabValidate", let word = inputs?["word"]?.stringValue, word != "ok" else { return nil }
        return InputCheck.custom("word", "word must be ok")
    }
}
