import PluginAPI

/// What a connection knows of a prompt that it tells about.
struct PromptTrack: Sendable {
    /// What happened while the answer to its submission was not sent yet; `nil` afterwards.
    var held: [PromptEvent]?
    /// Whether its end was told already, because it was executed for too long or refused.
    var isOver = false
    /// Whether its submission was refused.
    var isRefused = false
    /// Whether it was submitted under another client id.
    var isSubscribed = false
    /// Whether the client knows of a node that failed.
    var hasToldError = false
    /// Ends its time.
    var timer: Task<Void, Never>?

    /// The most events that are held; of more, the newest messages are dropped, never a state.
    static let mostHeld = 1000

    /// Holds an event.
    mutating func hold(_ event: PromptEvent) {
        if case .state = event {
            held?.append(event)
        } else if let count = held?.count, count < Self.mostHeld {
            held?.append(event)
        }
    }
}
