import PluginAPI

/// Grows a tree of segments and freezes it into a ``RouteTrie``.
struct RouteTrieBuilder {
    private struct Growing {
        var literals: [(text: String, child: Int)] = []
        var node = RouteTrie.Node()
    }

    private var growing = [Growing()]
    private var endpoints: [[RouteTrie.MethodEntry]] = []

    /// Adds a route at its template; the caller has made sure that no other has its method and pattern.
    mutating func add(_ template: PathTemplate, _ method: HTTPMethod, route: Int) {
        var index = 0
        for segment in template.segments {
            switch segment {
            case .literal(let text): index = literal(text, of: index)
            case .parameter: index = parameter(of: index)
            case .rest:
                let endpoint = endpoint(growing[index].node.restEndpoint)
                growing[index].node.restEndpoint = endpoint
                append(method, route, to: endpoint)
                return
            }
        }
        let endpoint = endpoint(growing[index].node.endpoint)
        growing[index].node.endpoint = endpoint
        append(method, route, to: endpoint)
    }

    /// Gives everything below a prefix of literals a dialect.
    mutating func claim(_ prefix: PathTemplate, surface: Int) {
        var index = 0
        for case .literal(let text) in prefix.segments { index = literal(text, of: index) }
        growing[index].node.surface = surface
    }

    /// Lays the tree out in flat arrays.
    func frozen() -> RouteTrie {
        var nodes: [RouteTrie.Node] = []
        var slots: [RouteTrie.Slot] = []
        var texts: [UInt8] = []
        for place in growing {
            var node = place.node
            if !place.literals.isEmpty {
                var size = 2
                while size < place.literals.count * 2 { size *= 2 }
                node.firstSlot = slots.count
                node.mask = size - 1
                slots += [RouteTrie.Slot](repeating: RouteTrie.Slot(), count: size)
                for (text, child) in place.literals {
                    let hash = PathHash.of(text)
                    var free = Int(truncatingIfNeeded: hash) & node.mask
                    while slots[node.firstSlot + free].child >= 0 { free = (free + 1) & node.mask }
                    slots[node.firstSlot + free] = RouteTrie.Slot(
                        hash: hash, textStart: texts.count, textCount: text.utf8.count, child: child)
                    texts += Array(text.utf8)
                }
            }
            nodes.append(node)
        }
        return RouteTrie(nodes: nodes, slots: slots, texts: texts, endpoints: endpoints)
    }

    private mutating func literal(_ text: String, of index: Int) -> Int {
        // Texts are told apart by their bytes, as on the wire.
        let bytes = Array(text.utf8)
        if let known = growing[index].literals.first(where: { $0.text.utf8.elementsEqual(bytes) }) {
            return known.child
        }
        growing.append(Growing())
        growing[index].literals.append((text, growing.count - 1))
        return growing.count - 1
    }

    private mutating func parameter(of index: Int) -> Int {
        if growing[index].node.parameter < 0 {
            growing.append(Growing())
            growing[index].node.parameter = growing.count - 1
        }
        return growing[index].node.parameter
    }

    private mutating func endpoint(_ known: Int) -> Int {
        guard known < 0 else { return known }
        endpoints.append([])
        return endpoints.count - 1
    }

    private mutating func append(_ method: HTTPMethod, _ route: Int, to endpoint: Int) {
        endpoints[endpoint].append(
            RouteTrie.MethodEntry(method: MethodCode(method), name: method.rawValue, route: route))
    }
}
