internal import PluginAPI

/// The nodes that still have to run and what they wait for.
struct ExecutionGraph: Sendable {
    private var waiting: [String] = []
    private var needs: [String: Set<String>] = [:]
    private var feeds: [String: [String]] = [:]
    private let isEager: @Sendable (String) -> Bool
    private let isOutput: @Sendable (String) -> Bool

    /// Collects what the outputs need, cached nodes left out.
    init(
        _ prompt: JSONObject, outputs: [String], isCached: (String) -> Bool,
        isOutput: @escaping @Sendable (String) -> Bool, isAsynchronous: @escaping @Sendable (String) -> Bool
    ) {
        self.isOutput = isOutput
        isEager = { isOutput($0) || isAsynchronous($0) }
        for output in outputs {
            var stack = [output]
            while let id = stack.popLast() {
                guard needs[id] == nil, let inputs = prompt[id]?["inputs"]?.objectValue else { continue }
                waiting.append(id)
                var upstream: Set<String> = []
                for (_, value) in inputs {
                    guard let link = Link(value), prompt[link.node] != nil, !isCached(link.node) else { continue }
                    stack.append(link.node)
                    if upstream.insert(link.node).inserted { feeds[link.node, default: []].append(id) }
                }
                needs[id] = upstream
            }
        }
    }

    /// The nodes that were not picked yet, in the order in which they were found.
    var rest: [String] { waiting }

    /// Takes the node that runs next: an output if one is ready, else what is nearest to an output.
    mutating func pick() -> String? {
        let ready = waiting.filter { needs[$0]?.isEmpty == true }
        let chosen =
            ready.first(where: isEager) ?? ready.first { feeds[$0]?.contains(where: isOutput) == true }
            ?? ready.first { feeds[$0]?.contains { feeds[$0]?.contains(where: isOutput) == true } == true }
            ?? ready.first
        if let chosen { waiting.removeAll { $0 == chosen } }
        return chosen
    }

    /// Lets those run that waited for a node.
    mutating func complete(_ id: String) {
        for next in feeds[id] ?? [] { needs[next]?.remove(id) }
    }
}
