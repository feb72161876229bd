internal import PluginAPI

/// A node that waits in four steps while others run.
struct AsynchronousNode: Sendable {
    static let steps = 4

    let id: String
    let value: NodeValue
    /// When the next step is due.
    private(set) var due: Instant
    private(set) var done = 0
    private let pause: Duration

    init(id: String, inputs: [String: NodeValue], scale: Double, _ now: Instant) {
        self.id = id
        value = inputs["image"] ?? .opaque("IMAGE")
        pause = NodeRunner.seconds(inputs["seconds"], scale: scale / Double(Self.steps))
        due = now.advanced(by: pause)
    }

    var isDone: Bool { done >= Self.steps }

    mutating func advance() {
        done += 1
        due = due.advanced(by: pause)
    }
}
