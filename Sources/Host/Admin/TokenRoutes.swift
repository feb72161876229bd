package import PluginAPI

/// API keys over the admin API.
package struct TokenRoutes: Sendable {
    private let keys: APIKeyStore

    package init(keys: APIKeyStore) {
        self.keys = keys
    }

    /// The declared routes.
    package var routes: [RouteDeclaration] {
        var group = RouteGroup(prefix: "/api/admin/tokens", access: .admin)
        group.get(
            docs: OperationDocs(
                "Lists API keys, without their secrets.",
                returns: [
                    "type": "object", "required": ["tokens"],
                    "properties": ["tokens": ["type": "array", "items": Self.schema(isNew: false)]],
                ]), use: list)
        group.post(
            docs: OperationDocs(
                "Creates an API key; the only time its text is shown.",
                body: [
                    "type": "object", "required": ["name"],
                    "properties": [
                        "name": ["type": "string", "minLength": 1, "maxLength": 200],
                        "scopes": [
                            "type": "array", "items": ["type": "string", "pattern": "^[a-z0-9.:_*-]{1,64}$"],
                            "maxItems": .number(JSONNumber(NewAPIKey.mostScopes)),
                            "default": .array(NewAPIKey.defaultScopes.map { .string($0) }),
                        ],
                        "expires_in": [
                            "type": ["integer", "string", "null"],
                            "description":
                                "Seconds, or a duration such as \"30d\"; without it the key does not expire.",
                        ],
                        "rate_limit": [
                            "type": ["integer", "null"],
                            "minimum": .number(JSONNumber(NewAPIKey.rateLimits.lowerBound)),
                            "maximum": .number(JSONNumber(NewAPIKey.rateLimits.upperBound)),
                            "description": "Requests a minute; without it there is no limit.",
                        ],
                    ],
                ], answers: [AnswerDoc(201, "Created.", schema: Self.schema(isNew: true))],
                errors: [(400, "The body is not JSON."), (422, "A value has not the right form.")]), use: create)
        group.delete("/{id}", String.self, docs: OperationDocs("Revokes an API key.", returns: Self.done), use: revoke)
        return group.routes
    }

    private static let done: JSON = [
        "type": "object", "required": ["ok"], "properties": ["ok": ["type": "boolean"]],
    ]

    private static func schema(isNew: Bool) -> JSON {
        let time: JSON = ["type": ["string", "null"], "format": "date-time"]
        var properties: JSONObject = [
            "id": ["type": "string"], "name": ["type": "string"], "prefix": ["type": "string"],
            "scopes": ["type": "array", "items": ["type": "string"]], "created_at": time, "expires_at": time,
            "revoked_at": time, "last_used_at": time, "rate_limit": ["type": ["integer", "null"]],
        ]
        if isNew { properties["token"] = ["type": "string"] }
        return [
            "type": "object", "required": .array(properties.keys.map { .string($0) }),
            "properties": .object(properties),
        ]
    }

    /// What a caller may say of a new key.
    private struct NewKey: Decodable {
        var name: String
        var scopes: [String]?
        var expiresIn: JSON?
        var rateLimit: Int?

        enum CodingKeys: String, CodingKey {
            case name
            case scopes
            case expiresIn = "expires_in"
            case rateLimit = "rate_limit"
        }
    }

    private func list(_ request: Request) async throws -> JSON {
        ["tokens": .array(try await keys.list().map(\.json))]
    }

    private func create(_ request: Request) async throws -> Response {
        let wanted = try await request.decode(NewKey.self, limit: 64 << 10)
        let issued = try await keys.create(
            NewAPIKey(
                name: wanted.name, scopes: wanted.scopes, lifetime: try wanted.expiresIn.flatMap(Self.lifetime),
                rateLimit: wanted.rateLimit))
        var body = issued.key.json
        body["token"] = .string(issued.text.withExposed { $0 })
        return .json(body, status: .created)
    }

    /// Takes seconds, or a text as in the configuration.
    private static func lifetime(_ value: JSON) throws -> Duration? {
        guard value != .null else { return nil }
        do throws(ConfigProblem) {
            return try Duration(config: value)
        } catch {
            throw HTTPError.invalid([(["body", "expires_in"], error.description)])
        }
    }

    private func revoke(_ request: Request, id: String) async throws -> JSON {
        guard try await keys.revoke(id: id) else {
            throw HTTPError(.notFound, "host.no_such_token", "There is no API key \"\(id)\" that is not revoked.")
        }
        return ["ok": true]
    }
}

extension APIKey {
    /// The key as the admin API shows it.
    package var json: JSON {
        func time(_ moment: Timestamp?) -> JSON { moment.map { .string($0.iso8601) } ?? .null }
        return [
            "id": .string(id), "name": .string(name), "prefix": .string(prefix),
            "scopes": .array(scopes.map { .string($0) }), "created_at": time(createdAt),
            "expires_at": time(expiresAt), "revoked_at": time(revokedAt), "last_used_at": time(lastUsedAt),
            "rate_limit": rateLimit.map { .number(JSONNumber($0)) } ?? .null,
        ]
    }
}
