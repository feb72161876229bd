import PluginAPI

/// Notices a worker whose thread has died: it answers, but the head of its queue stays the same and nothing is heard of it.
struct StallWatch: Sendable, Equatable {
    /// Whether its queue stands still; until the head changes, is gone, or is heard of.
    private(set) var isStalled = false
    /// The first prompt in its queue at the last look.
    private(set) var head: String?
    /// Since when the head is the same, nothing was heard of it, and jobs of ours are there.
    private var since: Instant?

    /// A look at the queue.
    ///
    /// - Parameters:
    ///   - head: The running prompt, else the first waiting one.
    ///   - hasOurs: Whether jobs of ours are there.
    ///   - limit: How long it may stand still; zero for ever.
    mutating func looked(head: String?, hasOurs: Bool, now: Instant, limit: Duration) {
        if head != self.head || head == nil {
            self = StallWatch()
            self.head = head
            since = now
        } else if isStalled {
            return
        } else if !hasOurs || since == nil {
            since = now
        } else if limit > .zero, let since, since.duration(to: now) >= limit {
            isStalled = true
        }
    }

    /// Something was heard of what it executes.
    mutating func heard(now: Instant) {
        isStalled = false
        since = now
    }
}
