import ComfyUI
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

/// Nothing but a backend of a single server.
struct SinglePlugin: Plugin {
    static let manifest = PluginManifest(name: "single", version: "1.0.0", summary: "A backend of a single server.")

    let backend: SingleServerBackend

    init(configuration: Settings, context: PluginContext) {
        backend = SingleServerBackend(context)
    }

    func configure(_ setup: inout PluginSetup) {
        setup.service("comfyui") { [backend] signal in _ = try await signal.cancelling { try await backend.run() } }
        setup.health("comfyui") { [backend] in await backend.health() }
    }

    func start() async throws {
        try await backend.start()
    }

    func drain() async {
        await backend.drain()
    }

    struct Settings: ConfigurationSection {
        init(_ config: inout ConfigReader) {}
    }
}

/// A backend over a scripted server, on a clock that stands still unless the test drives it.
final class SingleRig: Sendable {
    let server: FakeComfy
    let host: TestHost<SinglePlugin>
    let clock: ManualClock

    var backend: SingleServerBackend { host.plugin.backend }

    /// A rig that runs while the body runs.
    static func run(
        _ server: FakeComfy = FakeComfy("http://comfy:8188"), clock: ManualClock = ManualClock(),
        directory: TestDirectory? = nil, network: (any HTTPClient)? = nil, _ body: (SingleRig) async throws -> Void
    ) async throws {
        let rig = try SingleRig(server, clock, directory, network ?? FakeNetwork([server]))
        try await rig.host.start()
        do {
            try await body(rig)
        } catch {
            await rig.host.kill()
            throw error
        }
        await rig.host.stop()
    }

    private init(
        _ server: FakeComfy, _ clock: ManualClock, _ directory: TestDirectory?, _ network: any HTTPClient
    ) throws {
        self.server = server
        self.clock = clock
        let client = StubHTTPClient(
            handler: { try await network.send($0) }, socketHandler: { try await network.webSocket($0) })
        let directory = try directory ?? TestDirectory()
        var daemon = DaemonSettings(comfyBaseURL: server.url)
        daemon.inputDirectory = directory.path + "/input"
        host = try TestHost(
            daemon: daemon, client: client, clock: clock, directory: directory)
    }

    // MARK: - Driving

    /// Moves the clock until something is so.
    func drive(
        _ what: String, atMost limit: Duration = .seconds(120), location: SourceLocation = #_sourceLocation,
        until condition: @Sendable () async throws -> Bool
    ) async throws {
        let (moved, isSo) = try await clock.drive(atMost: limit, until: condition)
        guard !isSo else { return }
        Issue.record("it did not happen within \(moved): \(what)", sourceLocation: location)
        throw CancellationError()
    }

    /// Moves the clock until a call returns.
    func during<T: Sendable>(
        location: SourceLocation = #_sourceLocation, _ call: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let isOver = Atomic(false)
        let task = Task {
            defer { isOver.store(true, ordering: .releasing) }
            return try await call()
        }
        try await drive("the call returns", location: location) { isOver.load(ordering: .acquiring) }
        return try await task.value
    }

    /// Moves the clock, in steps that give everything time to act.
    func pass(_ time: Duration) async throws {
        let end = clock.now.advanced(by: time)
        try await drive("time passes") { self.clock.now >= end }
    }

    /// Waits until the event stream is open.
    func connected() async throws {
        try await drive("the event stream is open") { self.server.with { !$0.sockets.isEmpty } }
    }

    /// Waits until a prompt has a state.
    func wait(_ id: String, for state: JobState, location: SourceLocation = #_sourceLocation) async throws {
        try await drive("\(id) becomes \(state)", location: location) {
            try await self.backend.job(id)?.state == state
        }
    }

    // MARK: - Prompts

    static let workflow: JSON = [
        "3": ["class_type": "KSampler", "inputs": ["seed": .number(JSONNumber(UInt64.max)), "cfg": 8.0]],
        "9": ["class_type": "SaveImage", "inputs": ["images": ["3", 0]]],
    ]

    /// A submission of a small workflow.
    static func submission(
        client: String? = nil, id: String? = nil, caller: String? = nil, extra: JSONObject = [:]
    ) -> PromptSubmission {
        var submission = PromptSubmission(prompt: workflow, clientID: client, promptID: id, extra: extra)
        submission.caller = caller
        return submission
    }

    /// Submits a small workflow and gives its id.
    func submit(client: String? = nil, id: String? = nil, caller: String? = nil) async throws -> String {
        let submission = Self.submission(client: client, id: id, caller: caller)
        return try await during { try await self.backend.submit(submission).promptID }
    }
}

/// The events of a stream so far.
final class Collected: Sendable {
    private let kept = Mutex<[ClientPromptEvent]>([])
    private let over = Atomic(false)
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ stream: AsyncStream<ClientPromptEvent>) {
        task.withLock { task in
            task = Task { [weak self] in
                for await event in stream { self?.kept.withLock { $0.append(event) } }
                self?.over.store(true, ordering: .releasing)
            }
        }
    }

    convenience init(_ promptID: String, _ stream: AsyncStream<PromptEvent>) {
        self.init(
            AsyncStream { continuation in
                let task = Task {
                    for await event in stream {
                        continuation.yield(ClientPromptEvent(promptID: promptID, event: event))
                    }
                    continuation.finish()
                }
                continuation.onTermination = { _ in task.cancel() }
            })
    }

    deinit {
        task.withLock { $0?.cancel() }
    }

    var isOver: Bool { over.load(ordering: .acquiring) }

    /// The events as words: states and types of messages; with the prompt's id before them unless only one is asked for.
    func words(of promptID: String? = nil) -> [String] {
        kept.withLock { $0 }.filter { promptID == nil || $0.promptID == promptID }.map { event in
            let word =
                switch event.event {
                case .state(let job): job.state.rawValue
                case .message(let type, _): type
                case .preview: "preview"
                @unknown default: "?"
                }
            return promptID == nil ? "\(event.promptID) \(word)" : word
        }
    }
}
