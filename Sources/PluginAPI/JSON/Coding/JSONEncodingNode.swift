/// A place in the value that an encoder builds; containers fill it while others of the same value are open.
final class JSONEncodingNode {
    private enum Content {
        case nothing
        case value(JSON)
        case array([JSONEncodingNode])
        case object([(key: String, node: JSONEncodingNode)])
    }

    let path: JSONCodingPath
    private var content = Content.nothing

    init(path: JSONCodingPath) {
        self.path = path
    }

    init(path: JSONCodingPath, value: JSON) {
        self.path = path
        content = .value(value)
    }

    /// What was encoded; nil when nothing was.
    ///
    /// A member or element without a value becomes an empty object.
    var value: JSON? {
        switch content {
        case .nothing: nil
        case .value(let value): value
        case .array(let nodes): .array(nodes.map { $0.value ?? .object(JSONObject()) })
        case .object(let nodes):
            .object(JSONObject(nodes.lazy.map { ($0.key, $0.node.value ?? .object(JSONObject())) }))
        }
    }

    /// Sets a value that needs no container.
    func set(_ value: JSON) {
        content = .value(value)
    }

    /// Encodes any value into this place; a type of this library is taken as it is.
    func set<T: Encodable>(_ value: T) throws {
        if T.self == JSON.self, let json = value as? JSON {
            set(json)
        } else if T.self == JSONNumber.self, let number = value as? JSONNumber {
            set(.number(number))
        } else if T.self == JSONObject.self, let object = value as? JSONObject {
            set(.object(object))
        } else {
            try value.encode(to: JSONValueEncoder(node: self))
        }
    }

    func set(_ value: Double) throws {
        guard let number = JSONNumber(exactly: value) else { throw notFinite(value) }
        set(.number(number))
    }

    func set(_ value: Float) throws {
        guard value.isFinite else { throw notFinite(value) }
        set(.number(JSONNumber(validated: value.description)))
    }

    func set<Integer: FixedWidthInteger>(integer value: Integer) {
        set(.number(JSONNumber(validated: String(value))))
    }

    private func notFinite(_ value: Any) -> EncodingError {
        let context = EncodingError.Context(codingPath: path.keys, debugDescription: "JSON has no number for \(value)")
        return .invalidValue(value, context)
    }
}

// MARK: - Containers

extension JSONEncodingNode {
    /// Makes this place an object unless it is one.
    func becomeObject() {
        if case .object = content { return }
        var members: [(key: String, node: JSONEncodingNode)] = []
        if case .value(.object(let object)) = content {
            members = object.map { ($0.key, JSONEncodingNode(path: .key(JSONKey($0.key), path), value: $0.value)) }
        }
        content = .object(members)
    }

    /// Makes this place an array unless it is one.
    func becomeArray() {
        if case .array = content { return }
        var nodes: [JSONEncodingNode] = []
        if case .value(.array(let elements)) = content {
            nodes = elements.enumerated().map { JSONEncodingNode(path: .index($0, path), value: $1) }
        }
        content = .array(nodes)
    }

    var count: Int {
        if case .array(let nodes) = content { return nodes.count }
        return 0
    }

    /// Adds a member to an object.
    func member(_ key: any CodingKey) -> JSONEncodingNode {
        let node = JSONEncodingNode(path: .key(key, path))
        guard case .object(var members) = content else { return node }
        content = .nothing
        members.append((key.stringValue, node))
        content = .object(members)
        return node
    }

    /// Adds an element to an array.
    func element() -> JSONEncodingNode {
        let node = JSONEncodingNode(path: .index(count, path))
        guard case .array(var nodes) = content else { return node }
        content = .nothing
        nodes.append(node)
        content = .array(nodes)
        return node
    }
}
