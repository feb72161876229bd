import PluginAPI
import Synchronization

/// Writes what happens to one job as server-sent events, until it has ended or the client goes away.
final class TaskEventStream: Sendable {
    private struct State {
        var lastID: Int
        /// The last state that was sent: the same one is not sent again.
        var lastState: [UInt8] = []
        var hasEnded = false
    }

    private let engine: JobEngine
    private let promptID: String
    private let base: String
    private let clock: any TimeSource
    private let state: Mutex<State>
    /// Events and comments are written one after the other.
    private let turns = Turnstile()

    /// The time between two comments, which keep proxies from closing the connection.
    static let heartbeat = Duration.seconds(15)

    /// Makes a stream.
    ///
    /// - Parameters:
    ///   - base: The base URL of links in the answers.
    ///   - lastID: The last event that a client got which comes again; 0 for a new one.
    ///   - clock: Measures the time between comments; `nil` is the engine's.
    init(engine: JobEngine, promptID: String, base: String, lastID: Int = 0, clock: (any TimeSource)? = nil) {
        self.engine = engine
        self.promptID = promptID
        self.base = base
        self.clock = clock ?? engine.context.clock
        state = Mutex(State(lastID: max(0, min(lastID, 1 << 53))))
    }

    /// Writes until the job has ended, or the gateway drains.
    ///
    /// - Throws: `CancellationError` when the client went away; ``DatabaseError``.
    func run(_ writer: any BodyWriter) async throws {
        guard let events = engine.table.follow(promptID, previews: false, first: { .state(engine.describe($0)) }) else {
            return try await writeState(writer)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.relay(events, writer) }
            group.addTask { try await self.beat(writer) }
            try await group.next()
            group.cancelAll()
        }
    }

    private func relay(_ events: AsyncStream<PromptEvent>, _ writer: any BodyWriter) async throws {
        for await event in events {
            switch event {
            case .state: try await writeState(writer)
            case .message(let type, let data):
                guard Self.isName(type) else { continue }
                try await turns.pass { try await writer.write(frame(type, data.serialized())) }
            default: continue
            }
            if state.withLock({ $0.hasEnded }) { return }
        }
    }

    private func beat(_ writer: any BodyWriter) async throws {
        while true {
            try await clock.sleep(for: Self.heartbeat)
            try await turns.pass { try await writer.write(Array(": still here\n\n".utf8)) }
            // Nothing tells that others ahead of it went on.
            if engine.table[promptID]?.job.state == .queued { try await writeState(writer) }
        }
    }

    /// Writes the state as it is now, unless the client has it already.
    private func writeState(_ writer: any BodyWriter) async throws {
        try await turns.pass {
            guard !state.withLock({ $0.hasEnded }), let known = try await engine.known(promptID, base: base) else {
                return
            }
            let (answer, hasEnded) = render(known)
            let isNews = state.withLock { state in
                defer { (state.lastState, state.hasEnded) = (answer, hasEnded) }
                return state.lastState != answer
            }
            if isNews { try await writer.write(frame("state", answer)) }
        }
    }

    private func render(_ known: KnownJob) -> (answer: [UInt8], hasEnded: Bool) {
        switch known {
        case .ended(let answer): return (answer.status, true)
        case .open(let live):
            let member = live.job.workerID.flatMap { engine.pool[$0] }
            let answer = TaskAnswer.open(live, worker: member, position: engine.position(of: live))
            return (answer.serialized(), false)
        }
    }

    private func frame(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return Array("id: \(id)\nevent: \(name)\ndata: ".utf8) + data + Array("\n\n".utf8)
    }

    /// Whether a worker's name of a message can be that of an event: no line ends, and not ours.
    private static func isName(_ type: String) -> Bool {
        (1...64).contains(type.utf8.count) && type != "state"
            && type.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.:/".utf8.contains(byte)
            }
    }
}
