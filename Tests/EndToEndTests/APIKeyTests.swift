import PluginAPI
import Testing

@Suite("API keys of a running daemon")
struct APIKeyTests {
    private static let configuration = "auth: { open_surfaces: never }\nplugins: { gateway: {} }"

    private static func key(_ daemon: DaemonProcess, _ body: JSON) async throws -> HTTPProbe {
        let made = try await daemon.admin.post("/api/admin/tokens", body)
        #expect(made.status == 201, "\(made)")
        return daemon.probe.bearing(try #require(made.json["token"]?.stringValue))
    }

    @Test("a key above its limit is refused in the dialect of the path, others are not")
    func rateLimit() async throws {
        try await withDaemon(Self.configuration) { daemon in
            let limited = try await Self.key(daemon, ["name": "limited", "rate_limit": 2])
            let other = try await Self.key(daemon, ["name": "other", "rate_limit": 2])
            for left in ["1", "0"] {
                let answer = try await limited.get("/api/workers")
                #expect(answer.status == 200)
                #expect(answer["ratelimit-remaining"] == left)
            }
            let refused = try await limited.post("/api/prompt", ["prompt": [:]])
            #expect(refused.status == 429, "\(refused)")
            #expect(refused["retry-after"] != nil)
            #expect(refused.json["error"]?["type"] == "auth.rate_limited")
            #expect(refused.json["node_errors"] == [:])
            #expect(try await other.get("/api/workers").status == 200)
            #expect(try await daemon.admin.get("/metrics").text.contains("comfyd_auth_rate_limited_total{key="))
        }
    }

    @Test("a key ends with its time, and at once when it is revoked")
    func ends() async throws {
        try await withDaemon(Self.configuration) { daemon in
            let short = try await Self.key(daemon, ["name": "short", "expires_in": 2])
            let long = try await Self.key(daemon, ["name": "long", "expires_in": "30d"])
            #expect(try await long.get("/api/workers").status == 200)
            try await eventually("the key expires") { try await short.get("/api/workers").status == 401 }
            let list = try await daemon.admin.get("/api/admin/tokens").json["tokens"]?.arrayValue ?? []
            let id = try #require(list.first { $0["name"] == "long" }?["id"]?.stringValue)
            #expect(try await long.get("/api/workers").status == 200)
            #expect(try await daemon.admin.send("DELETE", "/api/admin/tokens/\(id)").status == 200)
            #expect(try await long.get("/api/workers").status == 401)
        }
    }

    @Test("the command line makes the same keys as the admin API")
    func commandLine() async throws {
        try await withDaemon(Self.configuration) { daemon in
            let places = [
                "--config", daemon.directory.file("comfyd.yaml"), "--state-dir", daemon.directory.file("state"),
            ]
            let options = ["--scope", "jobs", "--scope", "jobs:all", "--expires-in", "30d", "--rate-limit", "120"]
            let made = try await run(Places.comfyd, ["token", "create", "both"] + options + places)
            #expect(made.status == .code(0) && made.errors.isEmpty, "\(made)")
            let odd = try await run(Places.comfyd, ["token", "create", "odd", "--scope", "worker"] + places)
            #expect(odd.status == .code(0) && odd.output.hasPrefix("ck_"), "\(odd)")
            #expect(odd.errors.contains(#"the scope "worker"; known are: jobs, workers"#), "\(odd)")
            _ = try await Self.key(daemon, ["name": "plain"])
            let key = daemon.probe.bearing(String(made.output.prefix { !$0.isWhitespace }))
            #expect(try await key.get("/api/workers")["ratelimit-limit"] == "120")

            let keys = try await daemon.admin.get("/api/admin/tokens").json["tokens"]?.arrayValue ?? []
            #expect(keys.map { $0["scopes"] } == [["jobs", "jobs:all"], ["worker"], ["jobs"]])
            #expect(keys.map { $0["rate_limit"] } == [120, .null, .null])
            let expiry = try #require(keys.first?["expires_at"]?.stringValue)
            let list = try await run(Places.comfyd, ["token", "list"] + places)
            let line = try #require(list.output.split(separator: "\n").first { $0.contains("both") })
            for word in ["jobs,jobs:all", "120/min", expiry, "valid"] { #expect(line.contains(word), "\(list)") }

            for bad in [["--rate-limit", "0"], ["--expires-in", "0"], ["--scope", "A b"]] {
                let refused = try await run(Places.comfyd, ["token", "create", "bad"] + bad + places)
                #expect(refused.status == .code(2), "\(refused)")
                #expect(refused.output.isEmpty && refused.errors.contains(bad[0]), "\(refused)")
            }
        }
    }
}
