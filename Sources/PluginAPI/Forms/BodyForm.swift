/// Reads the keys of a JSON body and collects what is wrong with them, in the words that FastAPI uses.
public struct BodyForm: Sendable {
    private let body: JSONObject
    private var problems: [JSON] = []

    /// Reads a body.
    public init(_ body: JSONObject) {
        self.body = body
    }

    /// Reads a request's body as an object, and then its keys.
    ///
    /// - Throws: as ``object(_:limit:)``.
    public init(_ request: Request, limit: Int) async throws {
        self.init(try await Self.object(request, limit: limit))
    }

    /// Whether a key is there, whatever its value.
    public func has(_ key: String) -> Bool { body.contains(key) }

    /// The value of a key as it came.
    public func value(_ key: String) -> JSON? { body[key] }

    /// Reads a request's body as an object.
    ///
    /// - Throws: ``HTTPError`` 422 when it is none, 413 above the limit.
    public static func object(_ request: Request, limit: Int) async throws -> JSONObject {
        try object(try await request.jsonBytes(limit: limit))
    }

    /// Reads a request's body as an object, where it may be left out: a blank one and `null` count as `{}`.
    ///
    /// - Parameter maximumDepth: How many levels it may have; less than usual where it is shown again inside of an answer.
    /// - Throws: as ``object(_:limit:)``.
    public static func object(
        _ request: Request, limit: Int, mayBeAbsent: Bool, maximumDepth: Int = JSONParseOptions().maximumDepth
    ) async throws -> JSONObject {
        let bytes = try await request.jsonBytes(limit: limit)
        if mayBeAbsent {
            let word = bytes.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
            if word.isEmpty || word.elementsEqual("null".utf8) { return [:] }
        }
        return try object(bytes, JSONParseOptions(maximumDepth: maximumDepth))
    }

    /// Reads bytes as an object.
    ///
    /// - Throws: ``HTTPError`` 422 when they are none.
    public static func object(_ bytes: [UInt8], _ options: JSONParseOptions = JSONParseOptions()) throws -> JSONObject {
        let value: JSON
        do {
            value = try JSON(parsing: bytes, options: options)
        } catch {
            throw refusal([
                [
                    "type": "json_invalid", "loc": ["body", .number(JSONNumber(error.offset))],
                    "msg": "JSON decode error", "input": [:], "ctx": ["error": .string(error.message)],
                ]
            ])
        }
        guard let object = value.objectValue else {
            throw refusal([
                problem("model_attributes_type", ["body"], "Input should be a valid dictionary or object", value)
            ])
        }
        return object
    }

    /// Throws if anything was wrong.
    ///
    /// - Throws: ``HTTPError`` 422 with the list of problems.
    public func finish() throws {
        guard problems.isEmpty else { throw Self.refusal(problems) }
    }

    /// A text; absent and null give `nil`.
    ///
    /// - Parameter isSecret: Whether a refusal must not repeat what was given.
    public mutating func string(_ key: String, isSecret: Bool = false) -> String? {
        guard let value = given(key) else { return nil }
        if let text = value.stringValue { return text }
        report("string_type", key, "Input should be a valid string", isSecret ? Self.hidden : value)
        return nil
    }

    /// An integer, also as text; absent and null give `nil`.
    public mutating func integer(_ key: String) -> Int? {
        guard let value = given(key) else { return nil }
        if let number = value.intValue { return number }
        guard let text = value.stringValue else {
            report("int_type", key, "Input should be a valid integer", value)
            return nil
        }
        if let number = Int(text) { return number }
        report("int_parsing", key, "Input should be a valid integer, unable to parse string as an integer", value)
        return nil
    }

    /// A truth value, also as text; absent and null give `nil`.
    public mutating func bool(_ key: String) -> Bool? {
        guard let value = given(key) else { return nil }
        if let flag = value.boolValue { return flag }
        switch value.stringValue?.lowercased() ?? value.numberValue?.literal {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default:
            report("bool_type", key, "Input should be a valid boolean", value)
            return nil
        }
    }

    /// A truth value that must be there, also as text.
    public mutating func requiredBool(_ key: String) -> Bool {
        guard let value = body[key] else {
            report("missing", key, "Field required", [:])
            return false
        }
        if value.isNull { report("bool_type", key, "Input should be a valid boolean", value) }
        return bool(key) ?? false
    }

    /// A value of any kind that must be there.
    public mutating func required(_ key: String) -> JSON {
        if let value = body[key] { return value }
        report("missing", key, "Field required", [:])
        return .null
    }

    /// An object; absent and null give `nil`.
    public mutating func object(_ key: String) -> JSONObject? {
        given(key) == nil ? nil : requiredObject(key)
    }

    /// An object that must be there.
    public mutating func requiredObject(_ key: String) -> JSONObject {
        guard let value = body[key] else {
            report("missing", key, "Field required", [:])
            return [:]
        }
        if let object = value.objectValue { return object }
        report("dict_type", key, "Input should be a valid dictionary", value)
        return [:]
    }

    /// A text that must be there.
    public mutating func requiredString(_ key: String) -> String {
        guard body[key] != nil else {
            report("missing", key, "Field required", [:])
            return ""
        }
        guard let value = body[key], let text = value.stringValue else {
            report("string_type", key, "Input should be a valid string", body[key] ?? .null)
            return ""
        }
        return text
    }

    /// A list of texts; absent and null give `nil`.
    public mutating func strings(_ key: String) -> [String]? {
        guard let value = given(key) else { return nil }
        guard let items = value.arrayValue else {
            report("list_type", key, "Input should be a valid list", value)
            return nil
        }
        var texts: [String] = []
        for (index, item) in items.enumerated() {
            if let text = item.stringValue {
                texts.append(text)
            } else {
                let place: [JSON] = ["body", .string(key), .number(JSONNumber(index))]
                add(Self.problem("string_type", place, "Input should be a valid string", item))
            }
        }
        return texts
    }

    /// A moment: ISO 8601 with `Z`, an offset or none (which means UTC); absent and null give `nil`.
    public mutating func moment(_ key: String) -> Timestamp? {
        guard let text = string(key) else { return nil }
        if let moment = Timestamp(iso8601: text) { return moment }
        report("datetime_parsing", key, "Input should be a valid datetime of ISO 8601", .string(text))
        return nil
    }

    /// Adds a problem of a rule of our own.
    ///
    /// - Parameter isSecret: Whether the refusal must not repeat what was given.
    public mutating func reject(_ key: String, _ words: String, isSecret: Bool = false) {
        report("value_error", key, words, isSecret ? Self.hidden : body[key] ?? .null)
    }

    /// What stands for a secret in a refusal.
    private static let hidden: JSON = "***"

    private func given(_ key: String) -> JSON? {
        guard let value = body[key], !value.isNull else { return nil }
        return value
    }

    private mutating func report(_ type: String, _ key: String, _ words: String, _ input: JSON) {
        add(Self.problem(type, ["body", .string(key)], words, input))
    }

    /// The most problems that a refusal lists: a small body can have a million.
    private static let mostProblems = 100

    private mutating func add(_ problem: JSON) {
        if problems.count < Self.mostProblems { problems.append(problem) }
    }

    /// One line of a refusal, as FastAPI words it.
    public static func problem(_ type: String, _ place: [JSON], _ words: String, _ input: JSON) -> JSON {
        ["type": .string(type), "loc": .array(place), "msg": .string(words), "input": shown(input)]
    }

    /// The most code points of a text that a refusal repeats: one character may have millions of them.
    private static let longestEcho = 200

    /// What a refusal repeats of a value: not a whole workflow, and of a long text the beginning.
    private static func shown(_ input: JSON) -> JSON {
        if input.arrayValue != nil || input.objectValue != nil { return [:] }
        guard let text = input.stringValue ?? input.numberValue?.literal, text.utf8.count > longestEcho else {
            return input
        }
        return .string(text.firstCodePoints(longestEcho) + "…")
    }

    /// 422 with a list of problems.
    public static func refusal(_ problems: [JSON]) -> HTTPError {
        let words = problems.map { problem in
            let place = (problem["loc"]?.arrayValue ?? []).map { $0.stringValue ?? $0.text() }.joined(separator: ".")
            return "\(place): \(problem["msg"]?.stringValue ?? "")"
        }
        return HTTPError(
            .unprocessableContent, "http.bad_body", words.joined(separator: "; "), details: .array(problems))
    }
}
