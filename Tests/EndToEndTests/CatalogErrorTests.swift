import PluginAPI
import Testing

/// Each error code of seed 000 §1–5 and of what was added to it, provoked once.
@Suite("the errors of the catalogs")
struct CatalogErrorTests {
    /// A request that is refused.
    struct Refusal: Sendable {
        let status: Int
        let code: String
        let method: String
        let path: String
        var body: JSON?

        init(_ status: Int, _ code: String, _ method: String, _ path: String, _ body: JSON? = nil) {
            self.status = status
            self.code = code
            self.method = method
            self.path = path
            self.body = body
        }
    }

    /// What a catalog's or a server's route refuses with a code.
    private static let refusals = [
        Refusal(404, "NOT_FOUND", "PUT", "/loras/99", [:]), Refusal(404, "NOT_FOUND", "DELETE", "/model-catalog/99"),
        Refusal(404, "NOT_FOUND", "GET", "/plugin-catalog/99"),
        Refusal(404, "NOT_FOUND", "PUT", "/version-catalog/99", [:]),
        Refusal(409, "CATALOG_ENTRY_EXISTS", "PUT", "/model-catalog/1", ["file_name": "b"]),
        Refusal(409, "CATALOG_ENTRY_EXISTS", "PUT", "/plugin-catalog/1", ["node_key": "b"]),
        Refusal(
            413, "BODY_TOO_LARGE", "POST", "/loras", ["file_name": .string(String(repeating: "x", count: 2 << 20))]),
        Refusal(404, "EXECUTOR_NOT_FOUND", "GET", "/models?executorId=unheard"),
        Refusal(404, "EXECUTOR_NOT_FOUND", "GET", "/system-stats?executorId=unheard"),
        Refusal(404, "EXECUTOR_NOT_FOUND", "GET", "/queue-status?executorId=unheard"),
        Refusal(400, "EXECUTOR_TYPE_NOT_COMFYUI", "GET", "/models?executorId=robot"),
        Refusal(400, "EXECUTOR_TYPE_NOT_COMFYUI", "GET", "/system-stats?executorId=robot"),
        Refusal(400, "COMFYUI_BASE_URL_MISSING", "GET", "/models?executorId=nowhere"),
        Refusal(400, "COMFYUI_BASE_URL_MISSING", "GET", "/queue-status?executorId=nowhere"),
        Refusal(502, "COMFYUI_OBJECT_INFO_ERROR", "GET", "/models?executorId=dead"),
        Refusal(502, "COMFYUI_OBJECT_INFO_INVALID", "GET", "/models?executorId=strange"),
        Refusal(502, "COMFYUI_SYSTEM_STATS_ERROR", "GET", "/system-stats?executorId=dead"),
        Refusal(502, "COMFYUI_SYSTEM_STATS_ERROR", "GET", "/system-stats?executorId=strange"),
        Refusal(502, "COMFYUI_QUEUE_STATUS_ERROR", "GET", "/queue-status?executorId=dead"),
        Refusal(502, "COMFYUI_QUEUE_STATUS_INVALID", "GET", "/queue-status?executorId=strange"),
        Refusal(404, "EXECUTOR_NOT_FOUND", "POST", "/server-diff", ["baseline_executor_id": "unheard"]),
        Refusal(502, "COMFYUI_OBJECT_INFO_ERROR", "POST", "/server-diff", ["baseline_executor_id": "dead"]),
        Refusal(502, "COMFYUI_OBJECT_INFO_INVALID", "POST", "/server-diff", ["baseline_executor_id": "strange"]),
        Refusal(502, "COMFYUI_VERSION_SYNC_FAILED", "POST", "/version-catalog/sync"),
    ]

    /// What is refused because of its form: a list that names the place.
    private static let malformed: [(method: String, path: String, body: JSON?, place: JSON)] = [
        ("POST", "/loras", ["display_name": "a"], ["body", "file_name"]),
        ("POST", "/model-catalog", ["file_name": "a", "display_name": "a"], ["body", "model_type"]),
        ("POST", "/plugin-catalog", ["node_key": 5, "display_name": "a"], ["body", "node_key"]),
        ("POST", "/version-catalog", [:], ["body", "version"]),
        ("PUT", "/loras/one", [:], ["path", "id"]), ("DELETE", "/version-catalog/1.5", nil, ["path", "id"]),
        ("GET", "/models", nil, ["query", "executorId"]), ("GET", "/system-stats", nil, ["query", "executorId"]),
        ("GET", "/queue-status?executorId=", nil, ["query", "executorId"]),
        ("GET", "/models?executorId=sim-1&includeNodes=perhaps", nil, ["query", "includeNodes"]),
        ("GET", "/server-diff?limit=51", nil, ["query", "limit"]),
        ("GET", "/server-diff?limit=0", nil, ["query", "limit"]),
        ("POST", "/server-diff", [:], ["body", "baseline_executor_id"]),
        ("POST", "/version-catalog/sync?limit=201", nil, ["query", "limit"]),
        ("GET", "/plugin-catalog?limit=none", nil, ["query", "limit"]),
    ]

    @Test("each code comes with its status", arguments: ServerSource.allCases)
    func codes(_ source: ServerSource) async throws {
        let settings = "versions: { api_base: \"\(CatalogService.nobody)\" }"
        try await withCatalogs(source, settings: settings) { service in
            for name in ["a", "b"] {
                let model: JSON = ["file_name": .string(name), "display_name": "x", "model_type": "unet"]
                #expect(try await service.post("/model-catalog", model).status == 200)
                let node: JSON = ["node_key": .string(name), "display_name": "x"]
                #expect(try await service.post("/plugin-catalog", node).status == 200)
            }
            for refusal in Self.refusals {
                let answer = try await service.send(refusal.method, refusal.path, refusal.body)
                let name = "\(refusal.method) \(refusal.path)"
                #expect(answer.status == refusal.status, "\(name): \(answer)")
                #expect(answer.json["detail"] == .string(refusal.code), "\(name): \(answer)")
                #expect(answer.json["code"] == .string(refusal.code) && answer["x-request-id"] != nil, "\(name)")
                #expect(answer.json["status_code"]?.intValue == refusal.status, "\(name)")
            }
            for request in Self.malformed {
                let answer = try await service.send(request.method, request.path, request.body)
                #expect(answer.status == 422, "\(request.path): \(answer)")
                #expect(answer.json["detail"]?[0]?["loc"] == request.place, "\(request.path): \(answer)")
                #expect(answer.json["detail"]?[0]?["msg"]?.stringValue != nil, "\(request.path)")
            }
        }
    }

    @Test("a repository elsewhere than on GitHub is COMFYUI_VERSION_SOURCE_INVALID")
    func source() async throws {
        let configuration = "plugins: { catalogs: { versions: { repo_url: \"https://gitlab.com/a/b\" } } }"
        try await withDaemon(configuration) { daemon in
            let answer = try await daemon.sendCatalogs("POST", "/version-catalog/sync")
            #expect(answer.status == 400)
            #expect(answer.json["detail"] == "COMFYUI_VERSION_SOURCE_INVALID")
        }
    }

    @Test("without the administrator's token nothing is told, and a key needs the scope")
    func access() async throws {
        try await withDaemon("plugins: { catalogs: {} }") { daemon in
            func key(_ scope: String) async throws -> HTTPProbe {
                let made = try await daemon.admin.post(
                    "/api/admin/tokens", ["name": .string(scope), "scopes": [.string(scope)]])
                return daemon.probe.bearing(try #require(made.json["token"]?.stringValue))
            }
            let strangers = [
                (daemon.probe, 401, "AUTHORIZATION_REQUIRED"), (daemon.probe.bearing("wrong"), 401, "INVALID_TOKEN"),
                (try await key("jobs"), 403, "ADMIN_ONLY"),
            ]
            let paths = [
                "/loras", "/model-catalog", "/plugin-catalog", "/version-catalog", "/models?executorId=default",
                "/system-stats?executorId=default", "/queue-status?executorId=default", "/queue-summary", "/servers",
                "/server-diff", "/audit", "/loras/export",
            ]
            for (probe, status, code) in strangers {
                for path in paths {
                    let answer = try await probe.get("/api/admin/comfyui" + path)
                    #expect(answer.status == status, "\(path): \(answer)")
                    #expect(answer.json["detail"] == .string(code), "\(path): \(answer)")
                }
                let sync = try await probe.send("POST", "/api/admin/comfyui/version-catalog/sync")
                #expect(sync.json["detail"] == .string(code), "\(sync)")
            }
            let librarian = try await key("catalogs")
            let row: JSON = ["file_name": "a", "display_name": "a"]
            #expect(try await librarian.post("/api/admin/comfyui/loras", row).status == 200)
            let lines = try await daemon.sendCatalogs("GET", "/audit").json["items"]
            #expect(lines?[0]?["actor"]?.stringValue?.hasPrefix("key:") == true, "\(String(describing: lines))")
        }
    }
}
