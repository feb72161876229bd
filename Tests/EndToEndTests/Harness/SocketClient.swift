import PluginAPI
import Synchronization

/// A client of `/api/v1/ws/{client_id}`: a thread reads, and the messages can be asked for in their order.
final class SocketClient: Sendable {
    /// A message of the service.
    struct Message: Sendable {
        /// Its type.
        let type: String
        /// Its content.
        let data: JSON
        /// The prompt that it is about.
        var promptID: String? { data["prompt_id"]?.stringValue }
    }

    private struct State {
        var messages: [Message] = []
        var isClosed = false
        var closeCode: Int?
    }

    private let state = Mutex(State())
    private let outbox: AsyncStream<[UInt8]>.Continuation

    /// Connects.
    ///
    /// - Throws: ``ProbeError``.
    init(_ service: Service, _ clientID: String) async throws {
        let port = service.daemon.port
        let (bytes, outbox) = AsyncStream<[UInt8]>.makeStream()
        self.outbox = outbox
        let probe = try await onThread {
            Box(try WebSocketProbe(port: port, target: "/api/v1/ws/\(clientID)", timeout: 60 * Places.patience))
        }
        startThread { [weak self] in
            while let frame = try? probe.value.frame() {
                guard let self else { return }
                if frame.opcode == 8 { self.state.withLock { $0.closeCode = frame.closeCode } }
                // A ping wants its payload back.
                if frame.opcode == 9 { outbox.yield(WebSocketFrame.bytes(opcode: 10, frame.payload)) }
                guard frame.opcode == 1, let json = try? JSON(parsing: frame.text) else { continue }
                let message = Message(type: json["type"]?.stringValue ?? "", data: json["data"] ?? .null)
                self.state.withLock { $0.messages.append(message) }
            }
            self?.state.withLock { $0.isClosed = true }
        }
        Task {
            for await frame in bytes { try? probe.value.write(frame) }
            probe.value.finishWriting()
        }
    }

    deinit {
        drop()
    }

    /// Ends the connection without a close frame, as a process that is killed does.
    func drop() {
        outbox.finish()
    }

    /// All messages so far.
    var messages: [Message] { state.withLock { $0.messages } }
    /// The code that the service closed with; `nil` while it is open.
    var closeCode: Int? { state.withLock { $0.closeCode } }
    /// Whether nothing more can come.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Sends a text.
    func send(text: String) {
        outbox.yield(WebSocketFrame.bytes(opcode: 1, Array(text.utf8)))
    }

    /// Sends a message.
    func send(_ type: String, _ data: JSON = [:]) {
        send(text: JSON.object(["type": .string(type), "data": data]).text())
    }

    /// Closes the connection.
    func close() {
        outbox.yield(WebSocketFrame.bytes(opcode: 8, [0x03, 0xE8]))
    }

    /// Waits for the first message that fits, of all that came so far and will come.
    @discardableResult
    func first(
        _ type: String, within seconds: Double = 30, where fits: @Sendable (Message) -> Bool = { _ in true }
    ) async throws -> Message {
        try await eventually("a message \(type); there are \(messages.map(\.type))", within: seconds) {
            self.messages.first { $0.type == type && fits($0) }
        }
    }

    /// Submits a workflow and gives its id.
    func submit(_ workflow: JSON, reference: String) async throws -> String {
        send("submit", ["workflow": workflow, "client_ref": .string(reference)])
        let answer = try await first("system") { $0.data["client_ref"] == .string(reference) }
        guard let id = answer.promptID else { throw TimedOut(description: "no id in \(answer)") }
        return id
    }

    /// Waits for the answer to a submission that is refused.
    func refusal(of reference: String) async throws -> JSON {
        try await first("execution_error") { $0.data["client_ref"] == .string(reference) }.data
    }

    /// Waits for the result of a prompt.
    func result(of promptID: String, within seconds: Double = 30) async throws -> JSON {
        try await first("result", within: seconds) { $0.promptID == promptID }.data
    }

    /// How often the end of a prompt was told.
    func results(of promptID: String) -> Int {
        messages.count { $0.type == "result" && $0.promptID == promptID }
    }

    /// Asks for a `pong` and waits for it: everything that was told before is here then.
    func settle() async throws {
        let before = messages.count { $0.type == "pong" }
        send("ping")
        try await eventually("a pong") { self.messages.count { $0.type == "pong" } > before }
    }
}

/// Hands a client over to the thread that reads; another one only writes.
// The unchecked conformance holds because reading and writing share nothing but the descriptor.
private struct Box: @unchecked Sendable {
    let value: WebSocketProbe

    init(_ value: WebSocketProbe) {
        self.value = value
    }
}
