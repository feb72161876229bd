internal import PluginAPI

/// A file with a line for each prompt that is accepted, starts or ends.
///
/// It outlives the process, killed or not, so what really ran where can be counted afterwards.
struct RunLog: Sendable {
    /// What a line tells of.
    enum Step: String, Sendable {
        case accepted
        case started
        case ended
    }

    /// Where the file is; `nil` writes nothing.
    let path: String?
    let clock: any TimeSource

    /// Adds a line: an object with `at` in milliseconds since 1970, `step` and `prompt_id`.
    func add(_ step: Step, _ promptID: String) {
        guard let path else { return }
        let line: JSON = [
            "at": .number(JSONNumber(Int(clock.wallClock.milliseconds))), "step": .string(step.rawValue),
            "prompt_id": .string(promptID),
        ]
        _ = Disk.append(line.serialized() + [UInt8(ascii: "\n")], to: path)
    }
}
