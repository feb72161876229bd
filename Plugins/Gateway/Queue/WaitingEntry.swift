/// A job in the queue: what decides about its turn.
struct WaitingEntry: Sendable, Equatable {
    /// The job.
    let promptID: String
    /// Whose it is.
    let caller: String
    /// Larger is earlier.
    var priority: Int
    /// Smaller is earlier, among its caller's jobs of the same priority.
    var place: Double
    /// Its arrival number; decides between equal places.
    let sequence: Int64
}

extension WaitingEntry {
    /// The entry of a job.
    init(_ job: Job) {
        self.init(
            promptID: job.promptID, caller: job.caller, priority: job.priority, place: job.place,
            sequence: job.sequence)
    }
}
