import PluginAPI

/// Writes what happens to one job as server-sent events, until it has ended, the client goes away or the gateway drains.
struct TaskEventStream {
    private let engine: JobEngine
    private let promptID: String
    private let base: String
    private var lastID: Int
    /// The last state that was sent: the same one is not sent again.
    private var lastState = ""

    /// Makes a stream.
    ///
    /// - Parameters:
    ///   - base: The base URL of links in the answers.
    ///   - lastID: The last event that a client got which comes again; 0 for a new one.
    init(engine: JobEngine, promptID: String, base: String, lastID: Int = 0) {
        self.engine = engine
        self.promptID = promptID
        self.base = base
        self.lastID = max(0, min(lastID, 1 << 53))
    }

    /// Writes the events from now on; the first one is the state now.
    ///
    /// - Throws: `CancellationError` when the client went away; ``DatabaseError``.
    mutating func run(_ writer: any BodyWriter) async throws {
        guard let events = engine.table.follow(promptID, previews: false, first: { .state(engine.describe($0)) }) else {
            _ = try await sendState(writer)
            return
        }
        for await event in events {
            switch event {
            case .state:
                guard try await sendState(writer) else { return }
            case .message(let type, let data):
                // A worker's word must not pass for one of ours.
                guard type != Self.state else { continue }
                try await send(data.text(), as: type, writer)
            default: continue
            }
        }
    }

    private static let state = "state"

    /// Sends the state as it is now, unless the client has it already.
    ///
    /// - Returns: whether something may follow.
    private mutating func sendState(_ writer: any BodyWriter) async throws -> Bool {
        guard let known = try await engine.known(promptID, base: base) else { return false }
        let (answer, isOpen) = render(known)
        if answer != lastState { try await send(answer, as: Self.state, writer) }
        lastState = answer
        return isOpen
    }

    private func render(_ known: KnownJob) -> (answer: String, isOpen: Bool) {
        switch known {
        case .ended(let answer): return (String(decoding: answer.status, as: UTF8.self), false)
        case .open(let live):
            let member = live.job.workerID.flatMap { engine.pool[$0] }
            return (TaskAnswer.open(live, worker: member, position: engine.position(of: live)).text(), true)
        }
    }

    private mutating func send(_ data: String, as type: String, _ writer: any BodyWriter) async throws {
        lastID += 1
        try await writer.send(ServerSentEvent(data, event: type, id: String(lastID)))
    }
}
