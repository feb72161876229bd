extension JSON {
    /// Makes the value that an encodable type describes.
    ///
    /// A `JSON`, `JSONNumber` or `JSONObject` inside is taken as it is. Numbers that are not finite are refused.
    ///
    /// - Throws: `EncodingError` with the coding path, or what the type itself throws.
    public init(encoding value: some Encodable) throws {
        let node = JSONEncodingNode(path: .root)
        try node.set(value)
        guard let json = node.value else {
            let context = EncodingError.Context(codingPath: [], debugDescription: "the value encoded nothing")
            throw EncodingError.invalidValue(value, context)
        }
        self = json
    }

    /// Makes a value of a decodable type.
    ///
    /// A `JSON`, `JSONNumber` or `JSONObject` inside is given as it is. An integer is accepted in any spelling that is
    /// exact (`8.0`), and refused when it has a fraction or does not fit.
    ///
    /// - Throws: `DecodingError` with the coding path, or what the type itself throws.
    public func decode<T: Decodable>(_ type: T.Type) throws -> T {
        try JSONValueDecoder(value: self, path: .root).decode(type)
    }
}

// MARK: - Any encoder and decoder

extension JSON: Codable {
    /// Reads a value from any decoder; text of numbers and order of keys are what that decoder leaves of them.
    ///
    /// - Throws: `DecodingError` when the decoder holds something that JSON cannot express.
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? JSONValueDecoder {
            self = decoder.value
            return
        }
        if let keyed = try? decoder.container(keyedBy: JSONKey.self) {
            var object = JSONObject()
            for key in keyed.allKeys { object[key.stringValue] = try keyed.decode(JSON.self, forKey: key) }
            self = .object(object)
        } else if var unkeyed = try? decoder.unkeyedContainer() {
            var elements: [JSON] = []
            while !unkeyed.isAtEnd { elements.append(try unkeyed.decode(JSON.self)) }
            self = .array(elements)
        } else {
            self = try Self.scalar(of: decoder.singleValueContainer())
        }
    }

    private static func scalar(of container: any SingleValueDecodingContainer) throws -> JSON {
        if container.decodeNil() { return .null }
        if let value = try? container.decode(Bool.self) { return .bool(value) }
        if let value = try? container.decode(Int.self) { return .number(JSONNumber(value)) }
        if let value = try? container.decode(UInt64.self) { return .number(JSONNumber(value)) }
        if let value = try? container.decode(Double.self) { return .number(JSONNumber(value)) }
        return .string(try container.decode(String.self))
    }

    /// Writes the value to any encoder; that encoder chooses the text of numbers.
    ///
    /// - Throws: `EncodingError` for a number out of the range of `Double`, and what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let value): try value.encode(to: encoder)
        case .number(let value): try value.encode(to: encoder)
        case .string(let value): try value.encode(to: encoder)
        case .array(let value): try value.encode(to: encoder)
        case .object(let value): try value.encode(to: encoder)
        }
    }
}

extension JSONNumber: Codable {
    /// Reads a number from any decoder.
    ///
    /// - Throws: `DecodingError` when there is no number.
    public init(from decoder: any Decoder) throws {
        guard let number = try JSON(from: decoder).numberValue else {
            let context = DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "expected a number")
            throw DecodingError.typeMismatch(Self.self, context)
        }
        self = number
    }

    /// Writes the number to any encoder, as an integer when it is spelled as one and fits, else as a `Double`.
    ///
    /// - Throws: `EncodingError` for a number out of the range of `Double`, and what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value = Int(literal) {
            try container.encode(value)
        } else if let value = UInt64(literal) {
            try container.encode(value)
        } else if let value = double {
            try container.encode(value)
        } else {
            let context = EncodingError.Context(
                codingPath: encoder.codingPath, debugDescription: "the number is out of the range of Double")
            throw EncodingError.invalidValue(self, context)
        }
    }
}

extension JSONObject: Codable {
    /// Reads an object from any decoder.
    ///
    /// - Throws: `DecodingError` when there is no object.
    public init(from decoder: any Decoder) throws {
        guard let object = try JSON(from: decoder).objectValue else {
            let context = DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "expected an object")
            throw DecodingError.typeMismatch(Self.self, context)
        }
        self = object
    }

    /// Writes the members to any encoder, in their order.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        for member in self { try container.encode(member.value, forKey: JSONKey(member.key)) }
    }
}
