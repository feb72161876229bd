import Glibc
import PluginAPI

/// What the daemon says of the life of a job, in order.
struct JobStory: Sendable {
    /// A transition.
    struct Event: Sendable {
        /// Milliseconds since 1970.
        let time: Int
        let state: String
        let workerID: String?
        /// Why.
        let reason: String
    }

    static let finalStates: Set = ["done", "failed", "cancelled", "lost"]

    let promptID: String
    let priority: Int
    let events: [Event]

    /// Reads the answer of `/api/task/{id}/explain`; `nil` when it has another form.
    init?(_ json: JSON, priority: Int) {
        guard let id = json["prompt_id"]?.stringValue, let list = json["events"]?.arrayValue else { return nil }
        let events = list.compactMap { event -> Event? in
            guard let time = event["at"]?.stringValue.flatMap(Self.milliseconds),
                let state = event["state"]?.stringValue
            else { return nil }
            return Event(
                time: time, state: state, workerID: event["worker_id"]?.stringValue,
                reason: event["reason"]?.stringValue ?? "")
        }
        guard events.count == list.count else { return nil }
        promptID = id
        self.priority = priority
        self.events = events
    }

    /// How often it was handed to a worker.
    var assignments: Int { events.count { $0.state == "dispatching" } }
    /// How often it was taken from a worker.
    var requeues: Int { max(0, events.count { $0.state == "queued" } - 1) }

    /// Reads `2026-01-31T08:00:00.123Z`.
    private static func milliseconds(_ text: String) -> Int? {
        let numbers = text.split { !$0.isNumber }.compactMap { Int32($0) }
        guard numbers.count == 7, text.utf8.count == 24 else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
        return timegm(&parts) * 1000 + Int(numbers[6])
    }
}
