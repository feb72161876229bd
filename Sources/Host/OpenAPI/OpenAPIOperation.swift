import PluginAPI

/// One route as an operation object of OpenAPI 3.1.
struct OpenAPIOperation {
    let route: Route
    /// The names that the path item uses, which another route may have given.
    let parameterNames: [String]

    private var docs: OperationDocs { route.declaration.docs }
    private var isWebSocket: Bool {
        if case .upgrade = route.declaration.action { return true }
        return false
    }

    /// The surface's name, or the plugin's where the dialect is the host's own.
    var tag: String {
        guard let surface = route.declaration.surface, surface.name != Surface.native.name else { return route.plugin }
        return surface.name
    }

    /// Method and path as one word.
    var identifier: String {
        let path = route.template.openAPIText.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                byte
            default: UInt8(ascii: "_")
            }
        }
        let words = String(decoding: path, as: UTF8.self).split(separator: "_").joined(separator: "_")
        let method = route.declaration.method.rawValue.lowercased()
        return words.isEmpty ? "\(method)_root" : "\(method)_\(words)"
    }

    func json(identifier: String) -> JSON {
        var body: JSONObject = [
            "operationId": .string(identifier), "summary": .string(docs.summary), "tags": .array([.string(tag)]),
        ]
        if !docs.description.isEmpty { body["description"] = .string(docs.description) }
        let parameters = pathParameters + queryParameters
        if !parameters.isEmpty { body["parameters"] = .array(parameters) }
        if let schema = docs.body {
            body["requestBody"] = .object(["required": true, "content": Self.content(schema)])
        }
        body["responses"] = responses
        body["security"] = security
        if let scope = route.declaration.access.scope { body["x-scope"] = .string(scope) }
        if route.declaration.access == .admin { body["x-admin"] = true }
        if isWebSocket { body["x-websocket"] = true }
        return .object(body)
    }

    private var pathParameters: [JSON] {
        var takesRest = false
        if case .rest = route.template.segments.last { takesRest = true }
        return zip(parameterNames, route.declaration.parameterSchemas).enumerated().map { place, parameter in
            var body: JSONObject = [
                "name": .string(parameter.0), "in": "path", "required": true, "schema": parameter.1,
            ]
            if takesRest, place == parameterNames.count - 1 {
                body["description"] = "The rest of the path, slashes included."
            }
            return .object(body)
        }
    }

    private var queryParameters: [JSON] {
        var seen: Set<String> = []
        return docs.query.filter { seen.insert($0.name).inserted }.map { query in
            .object([
                "name": .string(query.name), "in": "query", "description": .string(query.help),
                "required": .bool(query.required), "schema": query.schema,
            ])
        }
    }

    private var responses: JSON {
        var texts: [Int: [String]] = [:]
        for error in docs.errors { texts[error.status, default: []].append(error.reason) }
        if isWebSocket { texts[426, default: []].append("The request wants no WebSocket.") }
        if isProtected { texts[401, default: []].append("No valid token.") }
        if needsRights, texts[403] == nil { texts[403] = ["The token may not do this."] }
        if !parameterNames.isEmpty, texts[404] == nil { texts[404] = ["Not found."] }
        if docs.body != nil, texts[413] == nil { texts[413] = ["The body is too large."] }
        var responses: JSONObject = [:]
        if isWebSocket {
            responses["101"] = .object(["description": "The connection is a WebSocket from now on."])
        } else {
            var success: JSONObject = ["description": "Done."]
            if let schema = docs.returns { success["content"] = Self.content(schema) }
            responses["200"] = .object(success)
        }
        for (status, reasons) in texts.sorted(by: { $0.key < $1.key }) where (100...599).contains(status) {
            responses[String(status)] = error(reasons.joined(separator: " "))
        }
        responses["default"] = .object(["description": "Any other answer."])
        return .object(responses)
    }

    private func error(_ description: String) -> JSON {
        let isNative = (route.declaration.surface ?? .native).name == Surface.native.name
        let schema: JSON = isNative ? .object(["$ref": "#/components/schemas/Error"]) : .object(["type": "object"])
        return .object(["description": .string(description), "content": Self.content(schema)])
    }

    private var isProtected: Bool {
        route.declaration.access != .open
    }

    private var needsRights: Bool {
        route.declaration.access == .admin || route.declaration.access.scope != nil
    }

    private var security: JSON {
        let tokens: [JSON] = [.object(["bearer": .array([])]), .object(["apiKey": .array([])])]
        guard isProtected else { return .array([]) }
        return .array((route.declaration.access.isOfSurface ? [.object([:])] : []) + tokens)
    }

    /// A schema under its media type: JSON, or what `contentMediaType` at its top says.
    private static func content(_ schema: JSON) -> JSON {
        let type = schema["contentMediaType"]?.stringValue ?? "application/json"
        return .object([type: .object(["schema": schema])])
    }

    /// The schema of the host's own error bodies.
    static let nativeError: JSON = [
        "type": "object",
        "properties": [
            "detail": [:], "error": ["type": "string"], "status_code": ["type": "integer"],
            "code": ["type": "string"], "request_id": ["type": "string"], "details": [:],
        ],
        "required": ["detail", "error", "status_code", "code"],
    ]
}
