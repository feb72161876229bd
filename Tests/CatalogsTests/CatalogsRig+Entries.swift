import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

extension CatalogsRig {
    /// Adds a row, or changes one, and gives it as it was answered.
    func put(_ catalog: String, _ body: JSON) async throws -> JSON {
        let answer = await send(.post, "/\(catalog)", body)
        try #require(answer.status == .ok, "\(answer.text)")
        return try #require(answer.json)
    }

    /// The rows of a list.
    func items(_ path: String) async throws -> [JSON] {
        let answer = await send(.get, path)
        try #require(answer.status == .ok, "\(answer.text)")
        return try #require(answer.json?["items"]?.arrayValue)
    }

    /// One field of the rows of a list.
    func list(_ path: String, _ field: String) async throws -> [String] {
        try await items(path).map { try #require($0[field]?.stringValue) }
    }
}

extension CatalogKind: CustomTestStringConvertible {
    /// The name, instead of all columns.
    public var testDescription: String { name }

    /// A row of this catalog with nothing but what it must have.
    func example(_ name: String = "a") -> JSONObject {
        var body: JSONObject = [:]
        for column in columns where column.isRequired { body[column.name] = .string(name) }
        return body
    }

    /// A row in which every field has something.
    func fullExample(_ name: String = "a") -> JSONObject {
        var body: JSONObject = [:]
        for column in columns {
            switch column.kind {
            case .text: body[column.name] = .string(name)
            case .url: body[column.name] = .string("https://example.com/\(name)")
            case .words: body[column.name] = [.string(name)]
            case .moment: body[column.name] = "2026-02-05T22:40:00.000Z"
            }
        }
        return body
    }
}

extension JSON {
    /// The path of a row by its `id`.
    func path(in catalog: String) -> String { "/\(catalog)/\(self["id"]?.text() ?? "")" }
}
