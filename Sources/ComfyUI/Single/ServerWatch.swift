import PluginAPI
import Synchronization

/// Watches the single server: keeps its event stream open, reads its queue, and fetches results.
final class ServerWatch: Sendable {
    let context: PluginContext
    let client: ComfyClient
    let board: PromptBoard
    let contact: ServerContact
    /// The input files that are kept here.
    let inputs: InputStore
    /// Our client id towards the server; there from ``start()`` on.
    var identity: String { identityBox.withLock { $0 } }

    let looking = JoinedCall<Set<String>>()
    let takingUp = JoinedCall<Void>()
    /// Whether what the server had when the daemon started is known.
    let isTakenUp = Atomic(false)

    private let identityBox = Mutex("")
    private let stream = Mutex<ComfyEventStream?>(nil)
    private let looks = Wakeup()
    private let isCalled = Atomic(false)
    private let connecting = Wakeup()
    private let ended: AsyncStream<String>
    private let endedInput: AsyncStream<String>.Continuation

    /// The limit for the header of an answer about queue and history.
    static let askingLimit = Duration.seconds(5)
    /// The limit for a whole answer.
    static let readingLimit = Duration.seconds(30)
    /// How many results are fetched at the same time.
    static let parallelCollections = 4
    /// The time between two looks while prompts are open and the event stream tells of them.
    static let watchedPause = Duration.seconds(2)
    /// The time between two looks while prompts are open and nothing else tells of them; so long must a prompt be unknown
    /// to the server before that counts.
    static let absence = Duration.seconds(1)
    /// The time between two looks at a server without prompts of ours, and at one that does not answer.
    static let idlePause = Duration.seconds(5)
    /// The shortest time between two looks.
    static let leastPause = Duration.milliseconds(250)
    /// The longest time between two looks at a server whose queue takes long to read.
    static let longestPause = Duration.seconds(20)
    /// How long the stream may say nothing after a prompt was handed over.
    static let patience = Duration.seconds(10)
    /// How long the server may be unable to tell the result of a prompt that is not in its queue.
    static let unreadableLimit = Duration.seconds(60)

    /// Makes a watch that does nothing yet.
    init(_ context: PluginContext, board: PromptBoard, contact: ServerContact) {
        self.context = context
        self.board = board
        self.contact = contact
        inputs = InputStore(
            directory: context.daemon.inputDirectory, blocking: context.blocking, clock: context.clock,
            logger: context.logger)
        client = ComfyClient(baseURL: context.daemon.comfyBaseURL, http: context.httpClient)
        (ended, endedInput) = AsyncStream.makeStream(of: String.self)
    }

    /// Reads our client id, and learns which input files are kept.
    func start() async throws {
        let directory = context.dataDirectory
        let identity = try await context.blocking.run { ClientIdentity.load(from: directory) }
        identityBox.withLock { $0 = identity }
        try await inputs.load()
    }

    /// Watches until it is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.followEvents() }
            group.addTask { await self.lookRegularly() }
            group.addTask { await self.collectResults() }
        }
        contact.connected(since: nil)
    }

    /// Wants a look soon.
    func callLook() {
        isCalled.store(true, ordering: .relaxed)
        looks.set()
    }

    var clock: any TimeSource { context.clock }
}

// MARK: - Events

extension ServerWatch {
    /// Keeps one event stream open.
    private func followEvents() async {
        var reconnecting = ReconnectPause()
        while !Task.isCancelled {
            let began = clock.now
            do {
                try await follow()
            } catch {
                context.logger.debug("no event stream", ["error": "\(error)"])
            }
            contact.connected(since: nil)
            guard !Task.isCancelled else { return }
            callLook()
            await connecting.wait(atMost: reconnecting.next(afterStreamOf: began.duration(to: clock.now)), clock: clock)
        }
    }

    private func follow() async throws {
        let events = try await client.events(clientID: identity)
        stream.withLock { $0 = events }
        contact.connected(since: clock.now)
        contact.reached()
        // Events were missed until now, and the server may be another one.
        inputs.forget(serverID: ServerContact.serverID)
        callLook()
        do {
            for try await event in events {
                let hasChanged = contact.heard(event.message)
                if let promptID = board.handle(event, at: clock.wallClock) { endedInput.yield(promptID) }
                // So have the places in it.
                if hasChanged, board.openCount > 0 { callLook() }
            }
        } catch {
            stream.withLock { $0 = nil }
            await events.close()
            throw error
        }
        stream.withLock { $0 = nil }
        await events.close()
    }

    /// Fetches results, some at a time.
    private func collectResults() async {
        await ended.forEach(atOnce: Self.parallelCollections) { await self.collect($0) }
    }
}

// MARK: - Looks

extension ServerWatch {
    private func lookRegularly() async {
        var wasUnreachable = false
        while !Task.isCancelled {
            isCalled.store(false, ordering: .relaxed)
            let began = clock.now
            do {
                try await takeUp()
                let absent = try await look()
                // The server may have restarted without a word on the stream; an unbroken one is the sign that it did not.
                if wasUnreachable {
                    inputs.forget(serverID: ServerContact.serverID)
                    await reconnect()
                }
                wasUnreachable = false
                connecting.set()
                await settle(absent)
                await reconnectIfDeaf()
            } catch {
                wasUnreachable = true
            }
            guard !Task.isCancelled else { return }
            await rest(took: began.duration(to: clock.now), wasUnreachable)
        }
    }

    /// Waits until the next look.
    private func rest(took: Duration, _ wasUnreachable: Bool) async {
        // A long queue takes long to read: then it is read less often. No answer takes long too, but costs nothing.
        let least = wasUnreachable ? Self.absence : max(Self.leastPause, min(Self.longestPause, took * 10))
        try? await clock.sleep(for: least)
        let isWatched = contact.connectedSince != nil
        let pause =
            board.openCount == 0 || wasUnreachable ? Self.idlePause : isWatched ? Self.watchedPause : Self.absence
        guard pause > least, !isCalled.load(ordering: .relaxed) else { return }
        await looks.wait(atMost: pause - least, clock: clock)
    }

    private func reconnect() async {
        guard let stream = stream.withLock({ $0 }) else { return }
        contact.connected(since: nil)
        await stream.close()
    }

    /// Connects anew when the stream is silent although prompts were handed over: another socket with our id, such as
    /// one of a process that we replace, makes a server forget ours.
    private func reconnectIfDeaf() async {
        guard let since = contact.unheardSince, since.duration(to: clock.now) > Self.patience else { return }
        await reconnect()
    }

    /// Decides about prompts that are not in the queue, some at a time.
    private func settle(_ absent: Set<String>) async {
        await absent.concurrentMap(atOnce: Self.parallelCollections) { await self.settle($0) }
    }
}
