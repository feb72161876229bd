import PluginAPI

/// The answers of one operation by status, as the responses object of OpenAPI 3.1.
struct OpenAPIResponses {
    private struct Answer {
        var reasons: [String] = []
        /// The schemas of each media type.
        var content: [(type: String, schemas: [JSON])] = []
        var headers: JSONObject = [:]
    }

    private var answers: [Int: Answer] = [:]

    /// Whether a status is described.
    func contains(_ status: Int) -> Bool { answers[status] != nil }

    /// Describes one more reason for a status, or one more form of its body.
    mutating func add(_ status: Int, _ reason: String, schema: JSON? = nil, headers: [HeaderDoc] = []) {
        guard (100...599).contains(status) else { return }
        var answer = answers[status] ?? Answer()
        if !answer.reasons.contains(reason) { answer.reasons.append(reason) }
        if let schema {
            let (type, schema) = OpenAPIContent.parts(of: schema)
            if let index = answer.content.firstIndex(where: { $0.type == type }) {
                if !answer.content[index].schemas.contains(schema) { answer.content[index].schemas.append(schema) }
            } else {
                answer.content.append((type, [schema]))
            }
        }
        for header in headers {
            answer.headers[header.name] = .object(["description": .string(header.help), "schema": header.schema])
        }
        answers[status] = answer
    }

    /// The responses object.
    var json: JSON {
        .object(JSONObject(answers.sorted { $0.key < $1.key }.map { (String($0.key), Self.json($0.value)) }))
    }

    private static func json(_ answer: Answer) -> JSON {
        var object: JSONObject = ["description": .string(answer.reasons.joined(separator: " "))]
        if !answer.headers.isEmpty { object["headers"] = .object(answer.headers) }
        if !answer.content.isEmpty {
            object["content"] = .object(
                JSONObject(
                    answer.content.map { type, schemas in
                        let schema = schemas.count == 1 ? schemas[0] : .object(["anyOf": .array(schemas)])
                        return (type, .object(["schema": schema]))
                    }))
        }
        return .object(object)
    }
}

/// Schemas under their media types.
enum OpenAPIContent {
    /// A schema's media type, JSON unless `contentMediaType` at its top says otherwise, and the rest of it.
    static func parts(of schema: JSON) -> (type: String, schema: JSON) {
        guard var object = schema.objectValue, let type = object["contentMediaType"]?.stringValue else {
            return ("application/json", schema)
        }
        object["contentMediaType"] = nil
        return (type, .object(object))
    }

    /// A content object with one schema.
    static func json(_ schema: JSON) -> JSON {
        let (type, schema) = parts(of: schema)
        return .object([type: .object(["schema": schema])])
    }
}
