/// Checks from the daemon's own events that the order of priorities was kept.
///
/// A job waits from its event `queued` to its next event; the first time not before its client had the answer, because
/// the event's time is that of its arrival, before it was stored. Taking a job from the queue is an event `dispatching`
/// right after `queued`: a job that goes on from a worker that refused it has been taken before. It is wrong to take one
/// while another of a higher priority has been waiting for some time and goes on waiting for some time.
struct PriorityAudit: Sendable {
    /// The time between a decision and its event, in milliseconds, on a busy machine.
    static let tolerance = 250

    /// What was wrong, in words.
    private(set) var violations: [String] = []
    /// How many jobs were taken before one of lower priority that had waited longer: without any, nothing was proved.
    private(set) var overtakings = 0

    private struct Stay {
        let story: JobStory
        let from: Int
        let to: Int
        /// Whether it ended by being taken.
        let isTaken: Bool
        /// Why it ended.
        let reason: String
    }

    /// - Parameter acknowledged: When the clients had their answers, by prompt id.
    init(_ stories: [JobStory], acknowledged: [String: Int]) {
        let stays = stories.flatMap { Self.stays($0, acknowledged[$0.promptID] ?? 0) }.sorted { $0.from < $1.from }
        for taken in stays where taken.isTaken {
            var hasOvertaken = false
            for other in stays {
                if other.from > taken.to { break }
                if other.story.priority > taken.story.priority, other.from + Self.tolerance < taken.to,
                    taken.to + Self.tolerance < other.to
                {
                    violations.append(
                        "\(taken.story.promptID) (priority \(taken.story.priority)) was taken at \(taken.to) (\(taken.reason)) while "
                            + "\(other.story.promptID) (\(other.story.priority)) waited from \(other.from) to \(other.to)"
                    )
                } else if other.story.priority < taken.story.priority, other.from < taken.from, taken.to < other.to {
                    hasOvertaken = true
                }
            }
            if hasOvertaken { overtakings += 1 }
        }
    }

    private static func stays(_ story: JobStory, _ acknowledged: Int) -> [Stay] {
        zip(story.events, story.events.dropFirst()).enumerated().compactMap { index, pair in
            guard pair.0.state == "queued" else { return nil }
            let from = index == 0 ? max(pair.0.time, acknowledged) : pair.0.time
            // Taking up what a worker that came back still has takes nobody's turn.
            let isTaken = pair.1.state == "dispatching" && !pair.1.reason.contains("former worker is back")
            return Stay(story: story, from: from, to: pair.1.time, isTaken: isTaken, reason: pair.1.reason)
        }
    }
}
