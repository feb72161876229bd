package import PluginAPI

/// Title and version of the described service.
package struct OpenAPIInfo: Sendable {
    /// The title.
    package var title: String
    /// The version of the API.
    package var version: String
    /// Markdown below the title.
    package var description: String

    /// Makes a head.
    package init(title: String = "comfyd", version: String, description: String = "") {
        self.title = title
        self.version = version
        self.description = description
    }
}

/// The OpenAPI 3.1 document of all published routes; one tag per surface, or plugin where the dialect is the host's own.
package func openAPIDocument(table: RouteTable, info: OpenAPIInfo) -> JSON {
    var paths = OpenAPIPaths()
    for route in table.routes where route.declaration.docs.published { paths.add(route) }
    var head: JSONObject = ["title": .string(info.title), "version": .string(info.version)]
    if !info.description.isEmpty { head["description"] = .string(info.description) }
    return .object([
        "openapi": "3.1.0",
        "info": .object(head),
        "tags": .array(paths.tags.map { .object(["name": .string($0)]) }),
        "paths": paths.json,
        "components": .object([
            "securitySchemes": .object([
                "bearer": .object(["type": "http", "scheme": "bearer"]),
                "apiKey": .object(["type": "apiKey", "in": "header", "name": "X-API-Key"]),
            ]),
            "schemas": .object(paths.errors.components),
        ]),
    ])
}

/// Collects operations by path; templates that differ in names alone share one path, as OpenAPI demands.
private struct OpenAPIPaths {
    private struct Path {
        var text: String
        var names: [String]
        var operations: JSONObject = [:]
    }

    private var paths: [String: Path] = [:]
    private var operationIDs: Set<String> = []
    private var tagSet: Set<String> = []
    private(set) var errors = OpenAPIErrorSchemas()

    /// All tags, sorted.
    var tags: [String] { tagSet.sorted() }

    var json: JSON {
        .object(JSONObject(paths.values.sorted { $0.text < $1.text }.map { ($0.text, .object($0.operations)) }))
    }

    mutating func add(_ route: Route) {
        let method = route.declaration.method.rawValue.lowercased()
        guard Self.methods.contains(method) else { return }
        let key = route.template.openAPIKey
        var path = paths[key] ?? Path(text: route.template.openAPIText, names: route.template.parameterNames)
        guard path.operations[method] == nil else { return }
        let operation = OpenAPIOperation(
            route: route, parameterNames: path.names,
            errorSchema: errors.reference(to: route.declaration.surface ?? .native))
        tagSet.insert(operation.tag)
        var identifier = operation.identifier
        while !operationIDs.insert(identifier).inserted { identifier += "_" }
        path.operations[method] = operation.json(identifier: identifier)
        paths[key] = path
    }

    /// The methods that a path item of OpenAPI 3.1 can have.
    private static let methods: Set<String> = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]
}

extension PathTemplate {
    /// The template with every parameter in the one form OpenAPI knows.
    var openAPIText: String {
        guard !segments.isEmpty else { return "/" }
        return segments.reduce(into: "") { text, segment in
            switch segment {
            case .literal(let literal): text += "/" + literal
            case .parameter(let name), .rest(let name): text += "/{\(name)}"
            }
        }
    }

    fileprivate var openAPIKey: String {
        pattern == "/" ? "/" : pattern.hasSuffix("/{...}") ? String(pattern.dropLast(5)) + "{}" : pattern
    }
}
