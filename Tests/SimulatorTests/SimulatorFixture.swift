import Glibc
import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Simulator

/// A clock on which all waiting is over at once.
final class InstantClock: TimeSource {
    private let elapsed = Mutex<Int64>(1_000_000_000)

    var now: Instant { Instant(nanoseconds: elapsed.withLock { $0 }) }
    var wallClock: Timestamp { Timestamp(milliseconds: 1_795_200_000_000 + elapsed.withLock { $0 } / 1_000_000) }

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        elapsed.withLock { $0 += max(0, duration.inNanoseconds) }
    }
}

/// A simulated server behind the daemon's router, with folders of its own.
final class SimulatorFixture: Sendable {
    let server: SimulatedServer
    let worker: Worker
    let folder: String
    private let router: Router

    init(_ settings: JSONObject = [:], clock: any TimeSource = InstantClock()) throws {
        var template = Array("/tmp/simulator-tests-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        var values: JSONObject = ["example_image": false, "seed": 7]
        for (key, value) in settings { values[key] = value }
        var reader = ConfigReader(values: values)
        let configuration = SimulatorConfiguration(&reader)
        try #require(reader.finished().problems.isEmpty)
        let metrics = MetricsRegistry()
        server = SimulatedServer(
            settings: configuration, folders: Folders(base: folder), runLog: configuration.runLog, clock: clock,
            logger: Logger(),
            metrics: SimulatorMetrics(metrics.factory(plugin: "simulator")))
        worker = Worker(server: server)
        try #require(server.prepare())
        var setup = PluginSetup(plugin: "simulator")
        let routes = SimulatorRoutes(server: server)
        setup.rootRoutes(claiming: ["/", "/api"], surface: .comfyUI, access: .open) { routes.declare(in: &$0) }
        router = Router(
            table: try RouteTable(plugins: [PluginRoutes(plugin: "simulator", setup: setup)]),
            authenticator: TestAuthenticator(), access: TestAccess(), metrics: metrics, clock: clock)
    }

    deinit {
        Disk.empty(folder)
        rmdir(folder)
    }

    @discardableResult
    func send(_ method: HTTPMethod, _ target: String, _ headers: HTTPFields = [:], body: [UInt8] = []) async
        -> TestResponse
    {
        let request = Request(id: "r", method: method, target: target, headers: headers, body: HTTPBody(body))
        switch await router.respond(to: request) {
        case .response(let response): return await TestResponse(response, method: method)
        case .upgrade: return await TestResponse(Response(status: 101))
        }
    }

    @discardableResult
    func post(_ target: String, _ body: JSON) async -> TestResponse {
        await send(.post, target, body: body.serialized())
    }

    func get(_ target: String) async -> JSON {
        await send(.get, target).json ?? .null
    }

    /// Runs all pending jobs.
    func runJobs() async {
        while await worker.runNext() {}
    }

    /// Waits until a job is in the hands of the worker.
    func untilRunning() async {
        while server.withState({ $0.runningNode == nil }) { await Task.yield() }
    }

    /// Opens a WebSocket, keeps it for the time of a body, and gives what came through it.
    func socket(_ target: String = "/ws?clientId=a", flags: [String] = []) async throws -> ClientSocket {
        let request = Request(
            id: "r", method: .get, target: target, headers: ["Upgrade": "websocket", "Connection": "Upgrade"])
        guard case .upgrade(_, let run) = await router.respond(to: request) else {
            throw FixtureError(reason: "the upgrade was refused")
        }
        let (client, host) = MemoryWebSocket.pair()
        let task = Task { await run(host) }
        let socket = ClientSocket(client: client, host: host, task: task)
        _ = try await socket.next()
        for text in flags {
            try await client.send(.text(text))
        }
        return socket
    }

    /// A prompt that saves an image of one colour.
    static func prompt(colour: Int = 1, size: Int = 16, prefix: String = "lab/img") -> JSON {
        [
            "1": [
                "class_type": "EmptyImage",
                "inputs": [
                    "width": .number(JSONNumber(size)), "height": .number(JSONNumber(size)), "batch_size": 1,
                    "color": .number(JSONNumber(colour)),
                ],
            ],
            "2": [
                "class_type": "SaveImage",
                "inputs": ["images": ["1", 0], "filename_prefix": .string(prefix)],
            ],
        ]
    }

    /// A prompt with a node of ten steps.
    static func slowPrompt(preview: JSON = "none") -> JSON {
        [
            "1": [
                "class_type": "EmptyImage",
                "inputs": ["width": 16, "height": 16, "batch_size": 1, "color": 1],
            ],
            "2": [
                "class_type": "LabSleep",
                "inputs": ["image": ["1", 0], "seconds": 10.0, "steps": 10, "preview": preview, "nonce": 1],
            ],
            "3": ["class_type": "PreviewImage", "inputs": ["images": ["2", 0]]],
        ]
    }
}

/// The client's end of a WebSocket.
final class ClientSocket: Sendable {
    let client: MemoryWebSocket
    private let host: MemoryWebSocket
    private let task: Task<Void, Never>

    init(client: MemoryWebSocket, host: MemoryWebSocket, task: Task<Void, Never>) {
        self.client = client
        self.host = host
        self.task = task
    }

    /// The next message.
    func next() async throws -> WebSocketMessage {
        guard let message = try await client.receive() else { throw FixtureError(reason: "the socket is closed") }
        return message
    }

    /// The messages up to the first `status` that says a count, or until one passes a test.
    func messages(until isLast: (WebSocketMessage) -> Bool) async throws -> [WebSocketMessage] {
        var all: [WebSocketMessage] = []
        while true {
            let message = try await next()
            all.append(message)
            if isLast(message) { return all }
        }
    }

    func close() async {
        await client.close(code: 1000, reason: "")
        await task.value
    }

    deinit {
        task.cancel()
    }
}

extension WebSocketMessage {
    /// The `type` and `data` of a text message.
    var event: (type: String, data: JSON)? {
        guard case .text(let text) = self, let value = try? JSON(parsing: text) else { return nil }
        return (value["type"]?.stringValue ?? "", value["data"] ?? .null)
    }
}

/// Why a fixture cannot go on.
struct FixtureError: Error {
    let reason: String
}
