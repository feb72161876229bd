public import PluginAPI
import Synchronization

/// What is done with the events of a server.
public protocol EventFollower: Sendable {
    /// Whether the server is still to be followed.
    var isFollowing: Bool { get }
    /// Opens a stream; `nil` when there should be none for now.
    func connect() async throws -> ComfyEventStream?
    /// A stream is open; events before it were missed.
    func connected()
    /// An event came.
    ///
    /// - Returns: the prompt whose result is to be collected now, if any.
    func received(_ event: ComfyEvent) -> String?
    /// No stream is open any more, or none could be opened.
    func disconnected()
    /// Fetches the result of a prompt.
    func collect(_ promptID: String) async
}

/// Keeps one event stream to a server open, and has the results collected whose ends it tells.
public final class EventConnection: Sendable {
    private let clock: any TimeSource
    private let logger: Logger
    private let stream = Mutex<ComfyEventStream?>(nil)
    private let retrying = Wakeup()
    private let ended: AsyncStream<String>
    private let endedInput: AsyncStream<String>.Continuation

    /// The longest pause before the next stream, without the spread.
    private static let longestPause = Duration.seconds(10)

    /// Makes a connection that is not open yet.
    public init(clock: any TimeSource, logger: Logger) {
        self.clock = clock
        self.logger = logger
        (ended, endedInput) = AsyncStream.makeStream(of: String.self)
    }

    /// Follows a server until it is not to be followed any more, or the task is cancelled; called once.
    ///
    /// - Parameter collections: How many results are collected at the same time.
    public func run(_ follower: some EventFollower, collections: Int) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.follow(follower) }
            group.addTask { await Parallel.forEach(in: self.ended, atMost: collections, follower.collect) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Whether a stream is open.
    public var isOpen: Bool { stream.withLock { $0 != nil } }

    /// Closes the stream, if one is open; the next one is opened soon.
    public func close() async {
        await stream.withLock { $0 }?.close()
    }

    /// Ends the pause before the next stream.
    public func retry() {
        retrying.set()
    }

    /// Keeps a stream open; waits longer after each failure, from 0.25 s to 10 s, spread by chance.
    private func follow(_ follower: some EventFollower) async {
        var failures = 0
        while !Task.isCancelled, follower.isFollowing {
            let began = clock.now
            do {
                guard let events = try await follower.connect() else {
                    await retrying.wait(atMost: Self.longestPause, clock: clock)
                    continue
                }
                stream.withLock { $0 = events }
                let end = await read(events, follower)
                stream.withLock { $0 = nil }
                await events.close()
                try end.get()
            } catch {
                logger.debug("no event stream", ["error": "\(error)"])
            }
            follower.disconnected()
            guard !Task.isCancelled else { return }
            failures = began.duration(to: clock.now) > .seconds(30) ? 1 : min(failures + 1, 8)
            let pause = min(Self.longestPause, .milliseconds(125) * (1 << failures))
            await retrying.wait(atMost: pause * Double.random(in: 0.8...1.2), clock: clock)
        }
    }

    private func read(_ events: ComfyEventStream, _ follower: some EventFollower) async -> Result<Void, any Error> {
        follower.connected()
        do {
            for try await event in events {
                if let promptID = follower.received(event) { endedInput.yield(promptID) }
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}
