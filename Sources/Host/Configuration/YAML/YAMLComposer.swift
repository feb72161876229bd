import PluginAPI

/// Builds the tree of a document from its events.
struct YAMLComposer: ~Copyable {
    private var events: YAMLEventReader
    private var anchors: [String: YAMLNode] = [:]
    private var nodes = 0

    init(events: consuming YAMLEventReader) {
        self.events = events
    }

    mutating func document() throws(YAMLProblem) -> YAMLNode {
        _ = try events.next()
        var root = try node(depth: 0)
        while let event = try nextEvent() {
            if case .documentStart = event.kind {
                throw problem("a second document; one file holds one configuration", at: event.start)
            }
        }
        if case .scalar = root.content, root.json.isNull { root.end = root.start }
        return root
    }

    /// The next event, nil at the end of the stream.
    private mutating func nextEvent() throws(YAMLProblem) -> YAMLEvent? {
        let event = try events.next()
        if case .streamEnd = event.kind { return nil }
        return event
    }

    private mutating func node(depth: Int) throws(YAMLProblem) -> YAMLNode {
        var event = try events.next()
        if case .documentStart = event.kind { event = try events.next() }
        return try node(event, depth: depth)
    }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLProblem) -> YAMLNode {
        let node: YAMLNode
        switch event.kind {
        case .scalar(let text, let isPlain):
            try count(1, at: event.start)
            node = YAMLNode(
                json: try value(text, isPlain: isPlain, event), content: .scalar, style: isPlain ? .plain : .flow,
                start: event.start, end: event.end, size: 1, height: 0)
        case .sequenceStart(let isFlow):
            node = try sequence(event, isFlow: isFlow, depth: depth)
        case .mappingStart(let isFlow):
            node = try mapping(event, isFlow: isFlow, depth: depth)
        case .alias(let name):
            return try alias(name, event, depth: depth)
        default:
            // An empty stream has no document at all.
            return YAMLNode(
                json: .null, content: .scalar, style: .plain, start: event.start, end: event.end, size: 1, height: 0)
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func alias(_ name: String, _ event: YAMLEvent, depth: Int) throws(YAMLProblem) -> YAMLNode {
        // An anchor is known once its node is complete, so a node never holds itself.
        guard var node = anchors[name] else { throw problem("unknown anchor \"\(name)\"", at: event.start) }
        try count(node.size, at: event.start)
        try enter(depth + node.height, at: event.start)
        node.style = .alias
        node.start = event.start
        node.end = event.end
        return node
    }

    private mutating func sequence(_ event: YAMLEvent, isFlow: Bool, depth: Int) throws(YAMLProblem) -> YAMLNode {
        try accept(tag: "seq", event)
        try count(1, at: event.start)
        try enter(depth + 1, at: event.start)
        var items: [YAMLNode] = []
        var size = 1
        var height = 0
        while true {
            let next = try events.next()
            if case .sequenceEnd = next.kind {
                return YAMLNode(
                    json: .array(items.map(\.json)), content: .sequence(items), style: isFlow ? .flow : .plain,
                    start: event.start, end: next.end, size: size, height: height + 1)
            }
            let item = try node(next, depth: depth + 1)
            size += item.size
            height = max(height, item.height)
            items.append(item)
        }
    }

    private mutating func mapping(_ event: YAMLEvent, isFlow: Bool, depth: Int) throws(YAMLProblem) -> YAMLNode {
        try accept(tag: "map", event)
        try count(1, at: event.start)
        try enter(depth + 1, at: event.start)
        var members: [YAMLMember] = []
        var object = JSONObject()
        var size = 1
        var height = 0
        while true {
            let next = try events.next()
            if case .mappingEnd = next.kind {
                return YAMLNode(
                    json: .object(object), content: .mapping(members), style: isFlow ? .flow : .plain,
                    start: event.start, end: next.end, size: size, height: height + 1)
            }
            let key = try key(next)
            guard !object.contains(key) else { throw problem("key \"\(key)\" is given twice", at: next.start) }
            let value = try node(depth: depth + 1)
            size += value.size
            height = max(height, value.height)
            object[key] = value.json
            members.append(YAMLMember(key: key, mark: next.start, value: value))
        }
    }

    private func key(_ event: YAMLEvent) throws(YAMLProblem) -> String {
        guard case .scalar(let text, let isPlain) = event.kind else {
            throw problem("a key must be a text", at: event.start)
        }
        if isPlain, text == "<<" {
            throw problem("merge keys (<<) are not supported; write the keys out", at: event.start)
        }
        if let tag = event.tag, !["!", Self.standard + "str"].contains(tag) {
            throw problem("tag \"\(Self.short(tag))\" is not supported on a key", at: event.start)
        }
        return text
    }
}

// MARK: - Scalars and tags

extension YAMLComposer {
    private static var standard: String { "tag:yaml.org,2002:" }

    private static func short(_ tag: String) -> String {
        tag.hasPrefix(standard) ? "!!" + tag.dropFirst(standard.count) : tag
    }

    private func value(_ text: String, isPlain: Bool, _ event: YAMLEvent) throws(YAMLProblem) -> JSON {
        guard let tag = event.tag else { return isPlain ? Self.plain(text) : .string(text) }
        if tag == "!" || tag == Self.standard + "str" { return .string(text) }
        let value = Self.plain(text)
        switch (Self.short(tag), value) {
        case ("!!null", .null), ("!!bool", .bool), ("!!float", .number): return value
        case ("!!int", .number(let number)) where number.int != nil || number.uint64 != nil: return value
        case ("!!null", _), ("!!bool", _), ("!!float", _), ("!!int", _):
            throw problem("\"\(text)\" is not what its tag \(Self.short(tag)) says", at: event.start)
        default:
            throw problem("tag \"\(Self.short(tag))\" is not supported", at: event.start)
        }
    }

    private static func plain(_ text: String) -> JSON {
        switch text {
        case "", "~", "null", "Null", "NULL": .null
        case "true": .bool(true)
        case "false": .bool(false)
        default: JSONNumber(literal: text).map { .number($0) } ?? .string(text)
        }
    }

    private func accept(tag name: String, _ event: YAMLEvent) throws(YAMLProblem) {
        guard let tag = event.tag, tag != "!", tag != Self.standard + name else { return }
        throw problem("tag \"\(Self.short(tag))\" is not supported here", at: event.start)
    }
}

// MARK: - Bounds

extension YAMLComposer {
    private mutating func count(_ more: Int, at mark: YAMLMark) throws(YAMLProblem) {
        nodes += more
        guard nodes <= YAML.maximumNodes else {
            throw problem("more than \(YAML.maximumNodes) values, aliases expanded", at: mark)
        }
    }

    private func enter(_ depth: Int, at mark: YAMLMark) throws(YAMLProblem) {
        guard depth <= YAML.maximumDepth else {
            throw problem("nested more than \(YAML.maximumDepth) levels deep", at: mark)
        }
    }

    private func problem(_ message: String, at mark: YAMLMark) -> YAMLProblem {
        YAMLProblem(file: events.file, line: mark.line, column: mark.column, message: message)
    }
}
