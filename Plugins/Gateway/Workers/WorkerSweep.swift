import PluginAPI

/// Asks many workers at the same time.
enum WorkerSweep {
    /// How many workers are asked at the same time.
    static let parallelQuestions = 64
    /// How long one worker may take for its whole answer.
    static let answerLimit = Duration.seconds(2)
    /// When no more workers are asked; all is over one ``answerLimit`` later.
    static let askingLimit = Duration.seconds(2)

    /// The answers by worker; silent ones take as long as one of them, however many there are.
    ///
    /// - Parameters:
    ///   - parallel: How many are asked at the same time.
    ///   - limit: When no more are asked; `nil` asks all.
    ///   - isEnough: Whether an answer makes the others needless.
    ///   - ask: Asks one; `nil` when it does not answer. Limits its own time.
    static func ask<T: Sendable>(
        _ workers: some Sequence<Worker>, parallel: Int = parallelQuestions, within limit: Duration? = askingLimit,
        clock: any TimeSource, until isEnough: (T) -> Bool = { _ in false },
        _ ask: @escaping @Sendable (Worker) async -> T?
    ) async -> [String: T] {
        var waiting = workers.makeIterator()
        let began = clock.now
        return await withTaskGroup(of: (String, T?).self) { group in
            func begin() {
                guard let worker = waiting.next() else { return }
                group.addTask { (worker.id, await ask(worker)) }
            }
            for _ in 0..<parallel { begin() }
            var answers: [String: T] = [:]
            while let (id, answer) = await group.next() {
                answers[id] = answer
                if let answer, isEnough(answer) {
                    group.cancelAll()
                    break
                }
                if limit.map({ began.duration(to: clock.now) < $0 }) ?? true { begin() }
            }
            return answers
        }
    }
}
