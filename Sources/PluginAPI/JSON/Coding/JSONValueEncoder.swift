/// Encodes into a place of a value.
struct JSONValueEncoder: Encoder {
    let node: JSONEncodingNode

    var codingPath: [any CodingKey] { node.path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(JSONKeyedEncodingContainer<Key>(node: node))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONUnkeyedEncodingContainer(node: node)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONSingleValueEncodingContainer(node: node)
    }
}

/// A value by itself, as an encoder sees it.
struct JSONSingleValueEncodingContainer: SingleValueEncodingContainer {
    let node: JSONEncodingNode

    var codingPath: [any CodingKey] { node.path.keys }

    func encodeNil() throws { node.set(.null) }
    func encode(_ value: Bool) throws { node.set(.bool(value)) }
    func encode(_ value: String) throws { node.set(.string(value)) }
    func encode(_ value: Double) throws { try node.set(value) }
    func encode(_ value: Float) throws { try node.set(value) }
    func encode(_ value: Int) throws { node.set(integer: value) }
    func encode(_ value: Int8) throws { node.set(integer: value) }
    func encode(_ value: Int16) throws { node.set(integer: value) }
    func encode(_ value: Int32) throws { node.set(integer: value) }
    func encode(_ value: Int64) throws { node.set(integer: value) }
    func encode(_ value: UInt) throws { node.set(integer: value) }
    func encode(_ value: UInt8) throws { node.set(integer: value) }
    func encode(_ value: UInt16) throws { node.set(integer: value) }
    func encode(_ value: UInt32) throws { node.set(integer: value) }
    func encode(_ value: UInt64) throws { node.set(integer: value) }
    func encode<T: Encodable>(_ value: T) throws { try node.set(value) }
}
