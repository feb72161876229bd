import ComfyUI
import PluginAPI
import PluginTestKit
import Synchronization

@testable import Catalogs

/// Scripted ComfyUI servers: what they answer by URL; all else is a server that is not there, or a route that is not.
final class FakeServers: Sendable {
    /// What a route does.
    enum Answer: Sendable {
        /// Answers with JSON.
        case json(JSON)
        /// Answers with bytes.
        case text(String)
        /// Answers with a status and no JSON.
        case status(Status)
        /// Never answers.
        case hang
        /// Says its header and then nothing more.
        case stall
        /// Waits until it is told to go on.
        case wait(Gate)
    }

    private let routes = Mutex<[String: Answer]>([:])

    /// Sets what a URL answers.
    subscript(url: String) -> Answer? {
        get { routes.withLock { $0[url] } }
        set { routes.withLock { $0[url] = newValue } }
    }

    /// Answers a request.
    func answer(_ request: ClientRequest) async throws -> ClientResponse {
        guard let answer = self[request.url] else {
            let isThere = routes.withLock { routes in
                routes.keys.contains { Self.host($0) == Self.host(request.url) }
            }
            guard isThere else { throw StubHTTPClient.refused(request) }
            return ClientResponse(status: .notFound)
        }
        switch answer {
        case .json(let body): return .json(body)
        case .text(let text): return ClientResponse(status: .ok, body: HTTPBody(Array(text.utf8)))
        case .status(let status): return ClientResponse(status: status, body: HTTPBody(Array("words".utf8)))
        case .hang:
            try await Task.sleep(for: .seconds(3600))
            throw StubHTTPClient.refused(request)
        case .stall:
            return ClientResponse(
                status: .ok,
                body: HTTPBody(length: nil) {
                    try await Task.sleep(for: .seconds(3600))
                    return nil
                })
        case .wait(let gate):
            await gate.pass()
            return .json([:])
        }
    }

    private static func host(_ url: String) -> Substring {
        url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true).dropFirst().first ?? ""
    }

    /// An `/object_info` in which loaders offer files, in the old encoding.
    static func objectInfo(
        lora: [String] = [], unet: [String] = [], nodes: [String] = []
    ) -> Answer {
        func choices(_ input: String, _ files: [String]) -> JSON {
            ["input": ["required": .object([input: [.array(files.map { .string($0) }), [:]]])]]
        }
        var info: JSONObject = [
            "UNETLoader": choices("unet_name", unet), "LoraLoaderModelOnly": choices("lora_name", lora),
        ]
        for node in nodes { info[node] = ["input": [:]] }
        return .json(.object(info))
    }
}

/// Lets whoever comes pass once it is open.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Waits until it is open.
    func pass() async {
        guard !isOpen else { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Opens it.
    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

/// The plugin with scripted servers.
struct ServersRig: Sendable {
    let rig: CatalogsRig
    let servers: FakeServers
    let backend: FakeBackend?

    /// Sends a request as the administrator, below `/api/admin/comfyui`.
    func get(_ path: String) async -> TestResponse { await rig.send(.get, path) }

    /// What the plugin knows of servers.
    var directory: ServerDirectory { rig.host.plugin.directory }
    /// What the plugin knows of what they have.
    var inventories: InventoryCache { rig.host.plugin.inventories }
    /// Time.
    var clock: ManualClock { rig.host.clock }

    /// The URLs that were asked for, in order.
    var asked: [String] { rig.host.client.requests.map(\.url) }
}

/// Runs a body with the plugin, some executors `{id, base_url, …}` and perhaps a cluster of workers.
func withFakeServers(
    executors: JSON = [], workers: [ComfyServer]? = nil, configuration: JSONObject = [:],
    body: (ServersRig) async throws -> Void
) async throws {
    let backend = workers.map { _ in FakeBackend() }
    var configuration = configuration
    configuration["executors"] = executors
    try await withCatalogs(
        configuration: .object(configuration), capabilities: backend?.capabilities ?? Capabilities()
    ) { rig in
        let servers = FakeServers()
        rig.host.client.answer { try await servers.answer($0) }
        backend?.script { script in
            script.servers = workers ?? []
            for worker in script.servers {
                let pair = BasicCredentials(username: "user", password: Secret(worker.id))
                let client = ComfyClient(baseURL: worker.url, credentials: pair, http: rig.host.client)
                script.clients[worker.id] = client.paths
            }
        }
        try await body(ServersRig(rig: rig, servers: servers, backend: backend))
    }
}

extension ComfyServer {
    /// A worker `http://<name>:8188` with the id `id-<name>`.
    static func worker(_ name: String, enabled: Bool = true, healthy: Bool = true) -> ComfyServer {
        ComfyServer(id: "id-\(name)", name: name, url: "http://\(name):8188", enabled: enabled, healthy: healthy)
    }
}
