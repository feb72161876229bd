import PluginAPI

/// Where a daemon knows its servers from.
enum ServerSource: CaseIterable, Sendable {
    /// They are workers of the gateway, with another id in the configuration.
    case gateway
    /// They are executors of the configuration, and there is no gateway.
    case executors
}

/// A daemon with the catalogs, two simulated servers that differ (`sim-1`, `sim-2`) and one that is not there (`dead`).
final class CatalogService: Sendable {
    /// The daemon.
    let daemon: DaemonProcess
    /// The servers that are there.
    let servers: [SimulatedServer]
    /// A server that speaks HTTP but not ComfyUI's API, as executor `strange`.
    let strange: LocalServer

    /// The ids that stand for servers, sorted as the daemon sorts them.
    static let ids = ["dead", "sim-1", "sim-2"]

    fileprivate init(_ source: ServerSource, _ servers: [SimulatedServer], settings: String) async throws {
        self.servers = servers
        strange = try LocalServer { _ in .json([]) }
        let urls = [("dead", Self.nobody)] + servers.map { ($0.name, $0.url) }
        var lines = ["plugins:"]
        if source == .gateway {
            lines += ["  gateway:", "    workers:"]
            lines += urls.map { "    - { url: \"\($1)\", name: \"worker of \($0)\" }" }
        }
        lines += ["  catalogs:"] + settings.split(separator: "\n").map { "    \($0)" } + ["    executors:"]
        lines += urls.map { name, url in
            source == .gateway
                ? "    - { id: \(name), worker: \"worker of \(name)\" }"
                : "    - { id: \(name), name: \"server \(name)\", base_url: \"\(url)/\" }"
        }
        lines += [
            "    - { id: strange, base_url: \"\(strange.url)\", status: inactive }",
            "    - { id: robot, type: robot, base_url: \"\(Self.nobody)\" }", "    - { id: nowhere }",
        ]
        // Without a gateway the daemon's one server counts too; it is one of the executors here.
        daemon = try await DaemonProcess.start(
            lines.joined(separator: "\n"), environment: ["COMFYUI_BASE_URL": servers[0].url])
    }

    /// An address at which nothing listens.
    static let nobody = "http://127.0.0.1:9"

    /// The settings of the simulated servers; the second lacks what the first has.
    fileprivate static let simulators = [
        (
            "sim-1",
            """
            unets: [qwen_image_edit_2509_fp8_e4m3fn.safetensors, common.safetensors]
            loras: [unknown.safetensors, 杯子1124.safetensors, 'sub\\deep.safetensors']
            extra_nodes: [CR Text, CR Image, KSampler KJ]
            """
        ),
        (
            "sim-2",
            """
            unets: [common.safetensors, only-here.safetensors]
            loras: [杯子1124.safetensors]
            hidden_nodes: [LabText]
            """
        ),
    ]

    func get(_ path: String) async throws -> HTTPAnswer { try await send("GET", path) }

    func post(_ path: String, _ body: JSON? = nil) async throws -> HTTPAnswer { try await send("POST", path, body) }

    /// Sends a request below `/api/admin/comfyui` as the administrator.
    func send(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> HTTPAnswer {
        try await daemon.sendCatalogs(method, path, body)
    }

    fileprivate func end() {
        daemon.end()
    }
}

extension DaemonProcess {
    /// Sends a request below `/api/admin/comfyui` as the administrator.
    func sendCatalogs(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> HTTPAnswer {
        try await admin.send(
            method, "/api/admin/comfyui" + path, body == nil ? [] : [("Content-Type", "application/json")],
            body: body?.serialized())
    }
}

/// Runs a body with a daemon that has the catalogs and knows three servers; all are ended afterwards whatever happens.
///
/// - Parameter settings: Lines for the section of the catalogs.
func withCatalogs<T>(
    _ source: ServerSource, settings: String = "", _ body: (CatalogService) async throws -> T
) async throws -> T {
    try await withSlots(CatalogService.simulators.count + 1) {
        let servers = try await concurrently(CatalogService.simulators) {
            try await SimulatedServer.start($0.0, settings: $0.1)
        }
        defer { for server in servers { server.daemon.end() } }
        let service = try await CatalogService(source, servers, settings: settings)
        defer { service.end() }
        return try await body(service)
    }
}
