import PluginAPI

/// Which state may follow which: the one place that knows.
enum JobStateMachine {
    /// Whether a job in one state may go to another.
    ///
    /// A worker that lost a job gives it back (`queued`), or it goes on to the next (`dispatching`); nothing leaves a
    /// final state, so that a job ends once.
    static func allows(_ from: JobState, to next: JobState) -> Bool {
        switch (from, next) {
        case (.done, _), (.failed, _), (.cancelled, _), (.lost, _): false
        case (.queued, .submitted), (.queued, .running), (.queued, .queued): false
        case (.running, .submitted): false
        case (.submitted, .submitted), (.running, .running): false
        default: true
        }
    }

    /// The states a job may come from.
    static func sources(of next: JobState) -> [JobState] {
        JobState.allCases.filter { allows($0, to: next) }
    }

    /// The states that are not final.
    static let open = JobState.allCases.filter { !$0.isFinal }
}
