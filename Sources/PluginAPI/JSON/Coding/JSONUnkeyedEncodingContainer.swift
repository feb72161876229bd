/// The elements of an array, as an encoder sees them.
struct JSONUnkeyedEncodingContainer: UnkeyedEncodingContainer {
    let node: JSONEncodingNode

    init(node: JSONEncodingNode) {
        self.node = node
        node.becomeArray()
    }

    var codingPath: [any CodingKey] { node.path.keys }
    var count: Int { node.count }

    func encodeNil() throws { node.element().set(.null) }
    func encode(_ value: Bool) throws { node.element().set(.bool(value)) }
    func encode(_ value: String) throws { node.element().set(.string(value)) }
    func encode(_ value: Double) throws { try node.element().set(value) }
    func encode(_ value: Float) throws { try node.element().set(value) }
    func encode(_ value: Int) throws { node.element().set(integer: value) }
    func encode(_ value: Int8) throws { node.element().set(integer: value) }
    func encode(_ value: Int16) throws { node.element().set(integer: value) }
    func encode(_ value: Int32) throws { node.element().set(integer: value) }
    func encode(_ value: Int64) throws { node.element().set(integer: value) }
    func encode(_ value: UInt) throws { node.element().set(integer: value) }
    func encode(_ value: UInt8) throws { node.element().set(integer: value) }
    func encode(_ value: UInt16) throws { node.element().set(integer: value) }
    func encode(_ value: UInt32) throws { node.element().set(integer: value) }
    func encode(_ value: UInt64) throws { node.element().set(integer: value) }
    func encode<T: Encodable>(_ value: T) throws { try node.element().set(value) }

    func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(JSONKeyedEncodingContainer<Key>(node: node.element()))
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONUnkeyedEncodingContainer(node: node.element())
    }

    func superEncoder() -> any Encoder {
        JSONValueEncoder(node: node.element())
    }
}
