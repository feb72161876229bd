import PluginAPI
import Testing

@Suite("access and what a daemon says of itself")
struct AccessTests {
    @Test("closed surfaces ask for a token, and take the admin's and an API key's")
    func closed() async throws {
        try await withDaemon("auth: { open_surfaces: never }\nplugins: { gateway: {} }") { daemon in
            let refused = try await daemon.probe.get("/api/workers")
            #expect(refused.status == 401)
            #expect(refused["www-authenticate"] != nil)
            #expect(refused.json["detail"] != nil)
            #expect(try await daemon.probe.post("/api/prompt", ["prompt": [:]]).status == 401)
            #expect(try await daemon.probe.bearing("wrong").get("/api/workers").status == 401)
            #expect(try await daemon.admin.get("/api/workers").status == 200)
            #expect(try await daemon.probe.get("/health/live").status == 200, "health needs no token")
        }
    }

    @Test("the admin API is closed even where the surfaces are open")
    func admin() async throws {
        try await withDaemon("plugins: { gateway: {} }") { daemon in
            #expect(try await daemon.probe.get("/api/workers").status == 200)
            #expect(try await daemon.probe.get("/api/admin/plugins").status == 401)
            let list = try await daemon.admin.get("/api/admin/plugins")
            #expect(list.status == 200)
            let states = list.json["plugins"]?.arrayValue?.map { [$0["name"], $0["enabled"]] }
            #expect(states?.contains(["gateway", true]) == true, "\(list)")
            #expect(states?.contains(["simulator", false]) == true, "\(list)")
        }
    }

    @Test("a proxy's password on open surfaces does not keep the administrator out; wrong tokens elsewhere do")
    func wrongTokens() async throws {
        try await withDaemon("plugins: { gateway: {} }") { daemon in
            let stray = daemon.probe.bearing("for-a-proxy-before-us")
            for _ in 0..<25 {
                let answer = try await stray.get("/api/workers")
                #expect(answer.status == 200)
            }
            #expect(try await daemon.admin.get("/api/admin/plugins").status == 200)
            for _ in 0..<20 {
                let answer = try await stray.get("/api/admin/plugins")
                #expect(answer.status == 401)
            }
            #expect(try await daemon.admin.get("/api/admin/plugins").status == 429)
        }
    }

    @Test("tokens of the configuration work, and none is generated then")
    func configured() async throws {
        let configuration = "auth: { admin_tokens: [\"${E2E_TOKEN}\"] }\nplugins: { gateway: {} }"
        try await withDaemon(configuration, environment: ["E2E_TOKEN": "from-the-environment"]) { daemon async throws in
            #expect(try await daemon.probe.bearing("from-the-environment").get("/api/admin/plugins").status == 200)
            #expect(!Files.exists(daemon.directory.file("state/admin.token")))
        }
    }

    @Test("every answer has a request id, and the client's own is kept when it is one")
    func requestID() async throws {
        try await withDaemon("plugins: { gateway: {} }") { daemon in
            var seen: Set<String> = []
            for target in ["/health/live", "/api/workers", "/nothing", "/api/admin/plugins"] {
                let answer = try await daemon.probe.get(target)
                seen.insert(try #require(answer["x-request-id"], "\(target)"))
            }
            #expect(seen.count == 4)
            let evil = try await daemon.probe.get("/health/live", [("X-Request-Id", "a b\"c<script>")])
            #expect(evil["x-request-id"]?.contains("<") == false)
        }
    }

    @Test("health, metrics and the OpenAPI document are there and can be read by machines")
    func documents() async throws {
        try await withCluster(servers: 1) { cluster in
            let probe = cluster.probe
            try await cluster.ended(try await cluster.submit(Workflow.image("metrics")))
            #expect(try await probe.get("/health/live").status == 200)
            let ready = try await probe.get("/health/ready")
            #expect(ready.status == 200)
            #expect(ready.text.contains("gateway"), "\(ready)")
            #expect(ready.json["plugins"]?["host"]?["checks"]?["database"]?["status"] == "healthy", "\(ready)")

            let metrics = try await cluster.gateway.admin.get("/metrics")
            #expect(metrics.status == 200)
            #expect(metrics["content-type"]?.hasPrefix("text/plain") == true)
            #expect(metrics.text.contains("comfyd_gateway_"))
            for line in metrics.text.split(separator: "\n") { #expect(Self.isMetric(line), "\(line)") }

            let document = try await probe.get("/openapi.json")
            #expect(document.status == 200)
            for path in ["/api/prompt", "/api/view", "/api/queue", "/api/workers"] {
                #expect(document.json["paths"]?[path] != nil, "\(path)")
            }
        }
    }

    @Test("a trailing slash is accepted, and HEAD answers like GET without a body")
    func lenience() async throws {
        try await withDaemon("plugins: { gateway: {} }") { daemon in
            #expect(try await daemon.probe.get("/api/workers/").status == 200)
            let get = try await daemon.probe.get("/api/workers")
            let head = try await daemon.probe.send("HEAD", "/api/workers")
            #expect(head.status == 200)
            #expect(head["content-length"] == get["content-length"])
            let wrong = try await daemon.probe.send("PUT", "/api/workers")
            #expect(wrong.status == 405)
            #expect(wrong["allow"]?.contains("POST") == true)
        }
    }

    /// Whether a line is a comment or a sample of the Prometheus text format.
    private static func isMetric(_ line: Substring) -> Bool {
        if line.hasPrefix("# HELP ") || line.hasPrefix("# TYPE ") { return true }
        guard let space = line.lastIndex(of: " "), Double(line[line.index(after: space)...]) != nil else {
            return false
        }
        let name = line[..<space].prefix { $0 != "{" }
        let braces = line[..<space].dropFirst(name.count)
        let isNamed =
            !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
        return isNamed && (braces.isEmpty || (braces.hasPrefix("{") && braces.hasSuffix("}")))
    }
}
