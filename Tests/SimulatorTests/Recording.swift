import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

/// One recorded request with the answer of a real server.
struct Recording: Sendable {
    let name: String
    let method: HTTPMethod
    let path: String
    let headers: HTTPFields
    let body: [UInt8]
    let status: Int
    let answerHeaders: JSONObject
    let json: JSON?
    let text: String?

    /// The recordings of a file, in the order of the real session.
    static func load(_ file: String) throws -> [Recording] {
        try list(file).map { try Recording($0) }
    }

    /// A whole file of recordings.
    static func list(_ file: String) throws -> [JSON] {
        try #require(try value(file).arrayValue)
    }

    /// A recorded JSON file.
    static func value(_ file: String) throws -> JSON {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let bytes = try #require(Disk.read("/\(folder)/Recordings/\(file).json", limit: 1 << 20))
        return try JSON(parsing: bytes)
    }

    private init(_ step: JSON) throws {
        name = try #require(step["name"]?.stringValue)
        method = HTTPMethod(rawValue: try #require(step["method"]?.stringValue))
        path = try #require(step["path"]?.stringValue)
        headers = HTTPFields(
            (step["headers"]?.objectValue ?? [:]).map { .init(name: $0.key, value: $0.value.stringValue ?? "") })
        if let encoded = step["body_base64"]?.stringValue {
            body = try #require(Base64.decode(encoded))
        } else {
            body = Array((step["body"]?.stringValue ?? "").utf8)
        }
        status = try #require(step["status"]?.intValue)
        answerHeaders = step["answer_headers"]?.objectValue ?? [:]
        json = step["json"]
        text = step["text"]?.stringValue
    }

    /// Sends the request and compares what every answer has: status, the headers that matter, text.
    func replay(on fixture: SimulatorFixture, headers: HTTPFields? = nil) async -> JSON? {
        let answer = await fixture.send(method, path, headers ?? self.headers, body: body)
        #expect(answer.status.code == status, "\(name)")
        for (field, value) in answerHeaders {
            #expect(answer.headers[field] == value.stringValue, "\(name): \(field)")
        }
        if answerHeaders["Content-Type"] == nil { #expect(answer.headers["Content-Type"] == nil, "\(name)") }
        if let text, method != .head { #expect(answer.text == text, "\(name)") }
        return answer.json
    }
}

extension JSON {
    /// What differs between the shapes of two values: kinds, keys, and the kinds in lists.
    static func differences(_ expected: JSON, _ actual: JSON, at path: String = "$") -> [String] {
        switch (expected, actual) {
        case (.object(let left), .object(let right)):
            guard left.keys == right.keys else { return ["\(path): keys \(right.keys) for \(left.keys)"] }
            return left.flatMap { differences($0.value, right[$0.key] ?? .null, at: "\(path).\($0.key)") }
        case (.array(let left), .array(let right)):
            guard left.count == right.count else { return ["\(path): \(right.count) elements for \(left.count)"] }
            return zip(left, right).enumerated().flatMap { differences($1.0, $1.1, at: "\(path)[\($0)]") }
        case (.number(let left), .number(let right)):
            return Python.isInteger(left) == Python.isInteger(right) ? [] : ["\(path): \(right) for \(left)"]
        case (.string, .string), (.bool, .bool), (.null, .null): return []
        default: return ["\(path): \(actual) for \(expected)"]
        }
    }

    /// The value without what depends on the server's own code or the moment.
    var withoutTraces: JSON {
        switch self {
        case .array(let items): return .array(items.map(\.withoutTraces))
        case .object(let members):
            return .object(
                JSONObject(
                    members.map { key, value in
                        switch key {
                        case "traceback": (key, [])
                        case "current_inputs" where value.objectValue != nil: (key, [:])
                        case "timestamp": (key, 0)
                        case "executed", "current_outputs":
                            (key, .strings((value.arrayValue ?? []).compactMap(\.stringValue).sorted()))
                        case "filename": (key, .string(String((value.stringValue ?? "").prefix { $0 != "_" })))
                        default: (key, value.withoutTraces)
                        }
                    }))
        default: return self
        }
    }
}
