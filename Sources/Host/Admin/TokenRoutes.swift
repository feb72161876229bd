package import PluginAPI

/// API keys over the admin API.
package struct TokenRoutes: Sendable {
    private let keys: APIKeyStore
    private let clock: any TimeSource

    package init(keys: APIKeyStore, clock: any TimeSource) {
        self.keys = keys
        self.clock = clock
    }

    /// The declared routes.
    package var routes: [RouteDeclaration] {
        var group = RouteGroup(prefix: "/api/admin/tokens", access: .admin)
        group.get(docs: "Lists API keys, without their secrets.", use: list)
        group.post(
            docs: OperationDocs(
                "Creates an API key; the only time its text is shown.",
                body: [
                    "type": "object", "required": ["name"],
                    "properties": [
                        "name": ["type": "string"], "scopes": ["type": "array", "items": ["type": "string"]],
                        "expires_in": ["type": "integer", "description": "seconds"],
                        "rate_limit": ["type": "integer", "description": "requests a minute"],
                    ],
                ]), use: create)
        group.delete("/{id}", String.self, docs: "Revokes an API key.", use: revoke)
        return group.routes
    }

    /// What a caller may say of a new key.
    private struct NewKey: Decodable {
        var name: String
        var scopes: [String]?
        var expiresIn: Int?
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
        let expiresAt = try wanted.expiresIn.map { seconds in
            // A hundred years bound the arithmetic.
            guard (1...3_155_760_000).contains(seconds) else {
                throw HTTPError.invalid([(["body", "expires_in"], "expected 1 to 3155760000 seconds")])
            }
            return Timestamp(milliseconds: clock.wallClock.milliseconds + Int64(seconds) * 1000)
        }
        let issued = try await keys.create(
            name: wanted.name, scopes: wanted.scopes ?? [], expiresAt: expiresAt, rateLimit: wanted.rateLimit)
        var body = issued.key.json
        body["token"] = .string(issued.text.withExposed { $0 })
        return .json(body, status: .created)
    }

    private func revoke(_ request: Request, id: String) async throws -> JSON {
        guard try await keys.revoke(id: id) else {
            throw HTTPError(.notFound, "host.no_such_token", "There is no API key \"\(id)\" that is not revoked.")
        }
        return ["ok": true]
    }
}

extension APIKey {
    /// The key as the admin API and `comfyd token list` show it.
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
