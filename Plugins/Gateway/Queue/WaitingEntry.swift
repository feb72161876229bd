/// A job that waits here, with all that decides about its turn.
struct WaitingEntry: Hashable, Sendable {
    /// The job.
    let promptID: String
    /// Who sent it; callers of one priority take turns.
    let caller: String
    /// Larger ones go first, whoever sent them.
    let priority: Int
    /// Smaller ones go first among the caller's own; always finite.
    let place: Double
    /// The job's arrival number: decides between equal places.
    let sequence: Int64

    /// Makes an entry; a place that is no finite number counts as the sequence.
    init(promptID: String, caller: String, priority: Int, place: Double, sequence: Int64) {
        self.promptID = promptID
        self.caller = caller
        self.priority = priority
        self.place = place.isFinite ? place : Double(sequence)
        self.sequence = sequence
    }

    /// The same job with another priority and place.
    func moved(priority: Int, place: Double) -> WaitingEntry {
        WaitingEntry(promptID: promptID, caller: caller, priority: priority, place: place, sequence: sequence)
    }
}

extension WaitingEntry {
    /// The entry of a job.
    init(_ job: Job) {
        self.init(
            promptID: job.promptID, caller: job.caller, priority: job.priority, place: job.place,
            sequence: job.sequence)
    }
}
