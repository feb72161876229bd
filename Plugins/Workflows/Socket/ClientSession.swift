import ComfyUI
import PluginAPI
import Synchronization

/// One connection of a WebSocket client: what it sends is done, and what becomes of its prompts is told.
///
/// Nothing of it outlives the connection: what the client misses is found in the backend and the ``ResultLedger``.
actor ClientSession {
    /// Why a connection is closed from here.
    enum Closing: Sendable, Equatable {
        /// Another connection has the client id now.
        case displaced
        /// The service stops, or the backend is another one from now on.
        case restart
        /// The client takes its messages too slowly.
        case tooSlow
        /// The daemon cannot serve it.
        case failure

        /// The code of the close frame (RFC 6455 §7.4) and its reason.
        var frame: (code: UInt16, reason: String) {
            switch self {
            case .displaced: (4001, "another connection has this client id")
            case .restart: (1012, "service restart")
            case .tooSlow: (1013, "messages are taken too slowly")
            case .failure: (1011, "internal error")
            }
        }
    }

    /// The client id.
    nonisolated let clientID: String
    /// Open once the connection is served no more and all that it was told is on disk.
    nonisolated let hasEnded = Latch()
    nonisolated let services: SocketServices
    nonisolated let principal: Principal?
    private nonisolated let reader: String
    nonisolated let actor: String
    nonisolated let sender: WorkflowSubmitter.Sender
    nonisolated let outgoing = OutgoingQueue()
    private nonisolated let socket: any WebSocket
    private nonisolated let closing = Mutex<Closing?>(nil)
    private nonisolated let mustEnd = Latch()
    private nonisolated let hasGreeted = Latch()

    /// The prompts that it tells about.
    var tracks: [String: PromptTrack] = [:]
    /// Prompts whose end was told at the beginning, while their events may still come.
    var replayed: Set<String> = []
    /// The streams of prompts of other client ids.
    var subscriptions: [String: Task<Void, Never>] = [:]
    /// Tells missed results that could not be told at once.
    var replaying: Task<Void, Never>?
    private var lastRemaining: Int?

    /// How many prompts of the client are looked at when it connects, the newest; more of them if it has more.
    private static let somePrompts = 1000
    /// How many are looked at in no case.
    private static let mostPrompts = 64_000
    /// The pause before the socket is asked again whether it has sent what it holds.
    private static let flushPause = Duration.milliseconds(250)

    /// Takes a connection over.
    init(clientID: String, request: Request, socket: any WebSocket, services: SocketServices) {
        self.clientID = clientID
        self.socket = socket
        self.services = services
        principal = request.principal
        reader = ResultLedger.reader(request.principal)
        actor = JobCaller.actor(of: request)
        sender = WorkflowSubmitter.Sender(request, clientID: clientID)
    }

    /// Serves the connection until either side closes it.
    func run() async {
        let submissions = SubmissionLine()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.write() }
            group.addTask { await self.follow() }
            group.addTask { await self.read(submissions) }
            group.addTask { await self.mustEnd.wait() }
            await group.next()
            outgoing.finish()
            if let frame = closing.withLock({ $0?.frame }) {
                await socket.close(code: frame.code, reason: frame.reason)
            }
            group.cancelAll()
        }
        for track in tracks.values { track.timer?.cancel() }
        for subscription in subscriptions.values { subscription.cancel() }
        replaying?.cancel()
        hasEnded.open()
        // What was received is done, though nobody is told any more.
        await submissions.finish()
    }

    /// Ends the connection; the first reason counts.
    nonisolated func close(_ reason: Closing) {
        closing.withLock { $0 = $0 ?? reason }
        mustEnd.open()
    }

    /// Queues a message; never waits.
    nonisolated func tell(_ message: SocketMessage) {
        if !outgoing.add(message) { close(.tooSlow) }
    }

    /// Whether the client may see a prompt.
    nonisolated func maySee(_ job: PromptJob) -> Bool {
        (try? JobCaller.check(job.caller, principal)) != nil
    }

    /// Tells how many prompts run or wait, if that is news.
    ///
    /// - Parameter always: Whether it is told in any case.
    func tellRemaining(always: Bool = false, sid: String? = nil) async {
        let remaining = await services.backends.current.remaining()
        guard always || remaining != lastRemaining else { return }
        lastRemaining = remaining
        tell(.status(remaining: remaining, sid: sid))
    }
}

// MARK: - The three tasks of a connection

extension ClientSession {
    /// Sends what is queued; results count as told once the socket holds nothing back.
    private func write() async {
        var unconfirmed: [String] = []
        while let items = await outgoing.next() {
            do {
                for item in items {
                    try await socket.send(.text(item.text))
                    if let promptID = item.endOf { unconfirmed.append(promptID) }
                }
                while !unconfirmed.isEmpty, socket.bufferedBytes > 0, outgoing.isEmpty {
                    try await services.clock.sleep(for: Self.flushPause)
                }
            } catch {
                return
            }
            if socket.bufferedBytes == 0 {
                await mark(unconfirmed)
                unconfirmed = []
            }
        }
    }

    /// Remembers what was told, also when the connection ends meanwhile.
    private func mark(_ promptIDs: [String]) async {
        guard !promptIDs.isEmpty else { return }
        let marking = Task { try await services.ledger.mark(promptIDs, by: reader) }
        do {
            try await marking.value
        } catch {
            services.logger.warning("results may be told twice", ["error": "\(error)"])
        }
    }

    /// Tells what was missed, and then what happens.
    private func follow() async {
        do {
            let events = try await services.backends.current.follow(client: clientID)
            try await greet()
            hasGreeted.open()
            for await event in events { await take(event.promptID, event.event) }
            if !Task.isCancelled { close(.restart) }
        } catch is CancellationError {
        } catch {
            services.logger.warning("a WebSocket client cannot be served", ["error": "\(error)"])
            close(.failure)
        }
    }

    private func greet() async throws {
        let jobs = try await prompts()
        let open = jobs.filter { !$0.state.isFinal }.map(\.promptID)
        // A prompt that was executed for too long had its result, though it goes on.
        let told = try await services.ledger.told(among: open, to: reader)
        for promptID in open { tracks[promptID] = PromptTrack(isOver: told.contains(promptID)) }
        tell(.connected(clientID: clientID, open: open))
        await tellRemaining(always: true, sid: clientID)
        let missed = try await services.ledger.missed(of: jobs, by: reader)
        replayed.formUnion(missed.map(\.promptID))
        let left = try await replay(missed)
        if !left.isEmpty { replayLater(left) }
    }

    /// The client's prompts that it may see.
    private func prompts() async throws -> [PromptJob] {
        let backend = services.backends.current
        var limit = Self.somePrompts
        while true {
            let jobs = try await backend.prompts(ofClient: clientID, limit: limit)
            guard jobs.count >= limit, limit < Self.mostPrompts else { return jobs.filter(maySee) }
            limit *= 4
        }
    }

    /// Does what the client sends, in order.
    private func read(_ submissions: SubmissionLine) async {
        await hasGreeted.wait()
        while let message = try? await socket.receive() {
            switch ClientCommand(message) {
            case .ping: tell(.pong(services.clock.wallClock))
            case .wrong(let error, let reference): tell(.problem(error).echoing(reference))
            case .submit(let workflow, let reference):
                await submissions.add(message.size) { await self.submit(workflow, reference) }
            case .interrupt(let promptID): await interrupt(promptID)
            case .subscribe(let promptID): await subscribe(promptID)
            }
        }
    }
}

extension WebSocketMessage {
    /// The content in bytes.
    fileprivate var size: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        @unknown default: 0
        }
    }
}
