import PluginAPI

/// One route as an operation object of OpenAPI 3.1.
struct OpenAPIOperation {
    let route: Route
    /// The names that the path item uses, which another route may have given.
    let parameterNames: [String]
    /// The schema of its errors; `nil` where nothing is known.
    let errorSchema: JSON?

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
            body["requestBody"] = .object([
                "required": .bool(docs.bodyIsRequired), "content": OpenAPIContent.json(schema),
            ])
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
        var responses = OpenAPIResponses()
        addSuccess(to: &responses)
        for answer in docs.answers {
            responses.add(answer.status, answer.help, schema: answer.schema, headers: answer.headers)
        }
        for error in docs.errors { responses.add(error.status, error.reason, schema: errorSchema) }
        addOwnErrors(to: &responses)
        return responses.json
    }

    private func addSuccess(to responses: inout OpenAPIResponses) {
        if isWebSocket { return responses.add(101, "The connection is a WebSocket from now on.") }
        if docs.returns == nil, docs.answers.contains(where: { (200..<300).contains($0.status) }) { return }
        responses.add(200, "Done.", schema: docs.returns)
    }

    /// What the host answers before or instead of the route's handler.
    private func addOwnErrors(to responses: inout OpenAPIResponses) {
        func add(_ status: Int, _ reason: String, retries: Bool = false) {
            let headers = retries ? [HeaderDoc("Retry-After", "Seconds to wait.", schema: ["type": "integer"])] : []
            responses.add(status, reason, schema: errorSchema, headers: headers)
        }
        if isWebSocket { add(426, "The request wants no WebSocket.") }
        if isProtected {
            add(401, "No valid token.")
            add(429, "The key's rate limit.", retries: true)
        }
        if needsRights, !responses.contains(403) { add(403, "The token may not do this.") }
        if !parameterNames.isEmpty, !responses.contains(404) { add(404, "Not found.") }
        if docs.body != nil {
            if !responses.contains(413) { add(413, "The body is too large.") }
            if !responses.contains(415) { add(415, "The body has a type or an encoding that is not taken.") }
        }
        if route.plugin != RouteTable.hostName {
            add(503, "This part of the service is being restarted.", retries: true)
        }
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
}
