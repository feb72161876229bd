/// The submissions of one connection: done one after the other, so that they are queued and answered in their order,
/// while the connection goes on reading.
actor SubmissionLine {
    /// How many may wait; then the connection is not read on.
    static let mostWaiting = 64
    /// How many bytes of messages may wait; in memory, they take several times as much.
    static let mostBytes = 16 << 20

    private var waiting: [(isDone: Latch, bytes: Int)] = []
    private var bytes = 0
    private var last: Task<Void, Never>?

    /// Adds a submission, whose message has so many bytes; waits while too many are there, unless the task is cancelled.
    func add(_ size: Int, _ submission: @escaping @Sendable () async -> Void) async {
        let isDone = Latch()
        last = Task { [last] in
            await last?.value
            await submission()
            isDone.open()
        }
        waiting.append((isDone, size))
        bytes += size
        while waiting.count >= Self.mostWaiting || bytes > Self.mostBytes, let first = waiting.first {
            waiting.removeFirst()
            bytes -= first.bytes
            await first.isDone.wait()
            if Task.isCancelled { return }
        }
    }

    /// Waits for all that were added.
    func finish() async {
        await last?.value
    }
}
