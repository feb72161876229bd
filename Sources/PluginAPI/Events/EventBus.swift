/// A fact that concerns plugins that need not know each other; shared events live in `PluginAPI/Contracts`.
public protocol Event: Codable, Sendable {
    /// The event's name, `area.fact`.
    static var name: String { get }
}

/// Carries events between plugins.
public protocol EventBus: Sendable {
    /// Hands an event to all subscribers; never blocks. Each subscriber has a bounded queue, drops are counted and logged.
    func publish(_ event: some Event)
}

/// A declared subscription.
public struct EventSubscription: Sendable {
    /// The event's name.
    public let name: String
    /// The handler; ignores values of other types.
    public let handle: @Sendable (any Event) async throws -> Void
}
