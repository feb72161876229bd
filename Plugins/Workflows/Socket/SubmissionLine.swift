/// The submissions of one connection: done one after the other, so that they are queued and answered in their order,
/// while the connection goes on reading.
actor SubmissionLine {
    /// How many may wait; then the connection is not read on.
    static let mostWaiting = 64
    /// How many bytes of messages may wait; in memory, they take several times as much.
    static let mostBytes = 16 << 20

    private var waiting: [(task: Task<Void, Never>, bytes: Int)] = []
    private var bytes = 0

    /// Adds a submission, whose message has so many bytes; waits while too many are there.
    func add(_ size: Int, _ submission: @escaping @Sendable () async -> Void) async {
        let previous = waiting.last?.task
        let task = Task {
            await previous?.value
            await submission()
        }
        waiting.append((task, size))
        bytes += size
        while waiting.count >= Self.mostWaiting || bytes > Self.mostBytes, let first = waiting.first {
            waiting.removeFirst()
            bytes -= first.bytes
            await first.task.value
        }
    }

    /// Waits for all that were added.
    func finish() async {
        await waiting.last?.task.value
    }
}
