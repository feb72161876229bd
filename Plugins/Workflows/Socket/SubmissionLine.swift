/// The submissions of one connection: done one after the other, so that they are queued and answered in their order,
/// while the connection goes on reading.
actor SubmissionLine {
    /// How many may wait; then the connection is not read on.
    static let mostWaiting = 64

    private var waiting: [Task<Void, Never>] = []

    /// Adds a submission; waits while too many are there.
    func add(_ submission: @escaping @Sendable () async -> Void) async {
        let previous = waiting.last
        waiting.append(
            Task {
                await previous?.value
                await submission()
            })
        if waiting.count >= Self.mostWaiting { await waiting.removeFirst().value }
    }

    /// Waits for all that were added.
    func finish() async {
        await waiting.last?.value
    }
}
