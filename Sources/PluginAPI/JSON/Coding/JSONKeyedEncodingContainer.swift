/// The members of an object, as an encoder sees them.
struct JSONKeyedEncodingContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: JSONEncodingNode

    init(node: JSONEncodingNode) {
        self.node = node
        node.becomeObject()
    }

    var codingPath: [any CodingKey] { node.path.keys }

    func encodeNil(forKey key: Key) throws { node.member(key).set(.null) }
    func encode(_ value: Bool, forKey key: Key) throws { node.member(key).set(.bool(value)) }
    func encode(_ value: String, forKey key: Key) throws { node.member(key).set(.string(value)) }
    func encode(_ value: Double, forKey key: Key) throws { try node.member(key).set(value) }
    func encode(_ value: Float, forKey key: Key) throws { try node.member(key).set(value) }
    func encode(_ value: Int, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: Int8, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: Int16, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: Int32, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: Int64, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: UInt, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: UInt8, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: UInt16, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: UInt32, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode(_ value: UInt64, forKey key: Key) throws { node.member(key).set(integer: value) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try node.member(key).set(value) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(JSONKeyedEncodingContainer<Nested>(node: node.member(key)))
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        JSONUnkeyedEncodingContainer(node: node.member(key))
    }

    func superEncoder() -> any Encoder {
        JSONValueEncoder(node: node.member(JSONKey.super))
    }

    func superEncoder(forKey key: Key) -> any Encoder {
        JSONValueEncoder(node: node.member(key))
    }
}
