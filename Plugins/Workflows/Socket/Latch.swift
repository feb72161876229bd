/// Something that happens once, and that one task waits for.
final class Latch: Sendable {
    private let events: AsyncStream<Never>
    private let continuation: AsyncStream<Never>.Continuation

    /// Makes a latch that is closed.
    init() {
        (events, continuation) = AsyncStream.makeStream()
    }

    /// Lets the task go on; may be called again.
    func open() {
        continuation.finish()
    }

    /// Returns once the latch is open, or the task is cancelled.
    func wait() async {
        for await _ in events {}
    }
}
