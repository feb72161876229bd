/// Decodes from a value that is already parsed.
struct JSONValueDecoder: Decoder {
    let value: JSON
    let path: JSONCodingPath

    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let object) = value else { throw mismatch([String: JSON].self, "an object") }
        return KeyedDecodingContainer(JSONKeyedDecodingContainer<Key>(object: object, path: path))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([JSON].self, "an array") }
        return JSONUnkeyedDecodingContainer(elements: elements, path: path)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        JSONSingleValueDecodingContainer(decoder: self)
    }

    /// Decodes any type; a type of this library takes its part of the value as it is.
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if type == JSON.self, let value = value as? T { return value }
        return try T(from: self)
    }
}

// MARK: - Scalars

extension JSONValueDecoder {
    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let value) = value else { throw mismatch(type, "true or false") }
        return value
    }

    func decode(_ type: String.Type) throws -> String {
        guard case .string(let value) = value else { throw mismatch(type, "a string") }
        return value
    }

    func decode(_ type: Double.Type) throws -> Double {
        guard case .number(let number) = value else { throw mismatch(type, "a number") }
        guard let value = number.double else { throw doesNotFit(number, type) }
        return value
    }

    func decode(_ type: Float.Type) throws -> Float {
        guard case .number(let number) = value else { throw mismatch(type, "a number") }
        guard let wide = number.double else { throw doesNotFit(number, type) }
        // From the literal, because rounding twice can differ; the words for what is not finite have no literal.
        guard wide.isFinite else { return Float(wide) }
        guard let value = Float(number.literal), value.isFinite else { throw doesNotFit(number, type) }
        return value
    }

    func decode<Integer: FixedWidthInteger>(integer type: Integer.Type) throws -> Integer {
        guard case .number(let number) = value else { throw mismatch(type, "a number") }
        if let value = number.int.flatMap(Integer.init(exactly:)) { return value }
        if let value = number.uint64.flatMap(Integer.init(exactly:)) { return value }
        throw doesNotFit(number, type)
    }
}

// MARK: - Errors

extension JSONValueDecoder {
    private func mismatch(_ type: any Any.Type, _ expected: String) -> DecodingError {
        let found =
            switch value {
            case .null: "null"
            case .bool: "true or false"
            case .number: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        let context = DecodingError.Context(
            codingPath: codingPath, debugDescription: "expected \(expected), found \(found)")
        return value.isNull ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    private func doesNotFit(_ number: JSONNumber, _ type: any Any.Type) -> DecodingError {
        let literal = number.literal.count > 40 ? number.literal.prefix(40) + "…" : number.literal[...]
        let description = "the number \(literal) does not fit in \(type)"
        return .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: description))
    }
}
