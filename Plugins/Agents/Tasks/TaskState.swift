/// Where a task is (`spec/agents.md` §7).
enum TaskState: String, Sendable, CaseIterable {
    /// Made; the agent has not taken it.
    case pending
    /// The agent works on it.
    case running
    /// The agent says that it is done.
    case success
    /// The agent says that it failed, or its time is over.
    case failed
    /// The agent refused it for good, or an administrator cancelled it.
    case rejected

    /// Whether nothing but a new push moves it.
    var isFinal: Bool {
        switch self {
        case .pending, .running: false
        case .success, .failed, .rejected: true
        }
    }

    /// What may happen to a task.
    enum Happening: Sendable, CaseIterable {
        /// The agent took a push.
        case accepted
        /// The agent did not take a push, and may take another.
        case notAccepted
        /// The agent will never take it.
        case refused
        /// The agent reports progress.
        case reported
        /// The agent says that it is done.
        case completed
        /// The agent says that it failed.
        case failed
        /// An administrator ends it.
        case cancelled
        /// Its time is over.
        case expired
        /// An administrator tries again.
        case retried
    }

    /// The state after something happened; `nil` when nothing changes.
    func after(_ happening: Happening) -> TaskState? {
        let next: TaskState
        switch (self, happening) {
        case (.pending, .accepted), (.pending, .reported): next = .running
        case (.pending, .completed), (.running, .completed): next = .success
        case (.pending, .failed), (.running, .failed), (.pending, .expired), (.running, .expired): next = .failed
        case (.pending, .refused), (.running, .refused), (.pending, .cancelled), (.running, .cancelled):
            next = .rejected
        case (.failed, .retried), (.rejected, .retried): next = .pending
        default: return nil
        }
        return next
    }
}
