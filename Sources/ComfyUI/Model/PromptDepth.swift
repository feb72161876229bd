public import PluginAPI

extension PromptStructure {
    /// Checks that no chain of nodes that depend on each other is too long: a server needs time with the square of it, and
    /// fails when it is very long.
    ///
    /// A graph without more nodes than the limit is not looked at.
    ///
    /// - Throws: ``PromptRefusal`` 400 in ComfyUI's form.
    public static func check(graph: JSON, maximumDepth: Int) throws(PromptRefusal) {
        guard let nodes = graph.objectValue, nodes.count > maximumDepth else { return }
        let depth = depth(of: nodes)
        guard depth > maximumDepth else { return }
        throw refusal(
            "prompt_too_deep", "Too many nodes depend on each other in a row.",
            "\(depth) nodes, the limit is \(maximumDepth)")
    }

    /// The number of nodes in the longest chain of links.
    ///
    /// Nodes that depend on a circle of links do not count; a server refuses circles itself. Takes time in proportion to
    /// the number of links.
    static func depth(of nodes: JSONObject) -> Int {
        var places: [String: Int] = [:]
        places.reserveCapacity(nodes.count)
        for (place, node) in nodes.enumerated() { places[node.key] = place }
        var dependents = [[Int]](repeating: [], count: nodes.count)
        var missing = [Int](repeating: 0, count: nodes.count)
        for (place, node) in nodes.enumerated() {
            for (_, input) in node.value["inputs"]?.objectValue ?? [:] {
                guard let source = link(input).flatMap({ places[$0] }) else { continue }
                dependents[source].append(place)
                missing[place] += 1
            }
        }
        // One after the other, each once all that it depends on are done.
        var depths = [Int](repeating: 1, count: nodes.count)
        var ready = missing.indices.filter { missing[$0] == 0 }
        var longest = 0
        while let place = ready.popLast() {
            longest = max(longest, depths[place])
            for dependent in dependents[place] {
                depths[dependent] = max(depths[dependent], depths[place] + 1)
                missing[dependent] -= 1
                if missing[dependent] == 0 { ready.append(dependent) }
            }
        }
        return longest
    }

    /// The node that a link leads to: a list of its id and a slot.
    private static func link(_ input: JSON) -> String? {
        guard let parts = input.arrayValue, parts.count == 2, parts[1].numberValue != nil else { return nil }
        return parts[0].stringValue
    }
}
