import PluginAPI

/// The body of a request of seed 004, and what is wrong with its keys, in the words that FastAPI uses.
struct V1Body {
    private let members: JSONObject
    private var problems: [(place: [JSON], message: String)] = []

    /// The form of a body that is not there or `null`, where the route allows that.
    enum Absence {
        /// It is refused.
        case refused
        /// It counts as `{}`.
        case empty
    }

    /// How a body is read: answers of servers and of the daemon repeat it some levels deeper, and have to be read too.
    static let parsing = JSONParseOptions(maximumDepth: JSONParseOptions().maximumDepth - 32)

    /// Reads a request's body.
    ///
    /// - Throws: ``HTTPError`` 422 when it is no object of JSON, 413 above the limit, 415 when it cannot be JSON.
    init(_ request: Request, limit: Int, absence: Absence = .refused) async throws {
        let bytes = try await request.jsonBytes(limit: limit)
        if absence == .empty, bytes.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
            members = [:]
            return
        }
        let value: JSON
        do {
            value = try JSON(parsing: bytes, options: Self.parsing)
        } catch {
            throw HTTPError.invalid([
                (["body", .number(JSONNumber(error.offset))], "JSON decode error: \(error.message)")
            ])
        }
        if absence == .empty, value.isNull {
            members = [:]
            return
        }
        guard let object = value.objectValue else {
            throw HTTPError.invalid([(["body"], "Input should be a valid dictionary or object")])
        }
        members = object
    }

    /// Throws if anything was wrong.
    ///
    /// - Throws: ``HTTPError`` 422 with the list of problems.
    func finish() throws(HTTPError) {
        guard problems.isEmpty else { throw HTTPError.invalid(problems) }
    }

    /// A value that must be there.
    mutating func required(_ key: String) -> JSON {
        if let value = members[key] { return value }
        reject(key, "Field required")
        return .null
    }

    /// A text; absent and null give `nil`.
    mutating func text(_ key: String) -> String? {
        guard let value = members[key], !value.isNull else { return nil }
        if let text = value.stringValue { return text }
        reject(key, "Input should be a valid string")
        return nil
    }

    /// A truth value that must be there; also as 0, 1 and the usual words.
    mutating func requiredFlag(_ key: String) -> Bool {
        guard let value = members[key] else {
            reject(key, "Field required")
            return false
        }
        if let flag = value.boolValue { return flag }
        switch value.stringValue?.lowercased() ?? value.numberValue?.literal {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default:
            reject(key, "Input should be a valid boolean")
            return false
        }
    }

    /// Adds a problem.
    mutating func reject(_ key: String, _ message: String) {
        problems.append((["body", .string(key)], message))
    }
}
