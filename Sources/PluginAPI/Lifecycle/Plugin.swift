/// A feature of the daemon, compiled on its own: declared in `configure`, running between `start` and `stop`.
///
/// The host calls, in this order: `init` → ``configure(_:)`` → ``start()`` → ``drain()`` → ``stop()``.
public protocol Plugin: Sendable {
    /// What the plugin reads from its section of the configuration.
    associatedtype Configuration: ConfigurationSection = NoConfiguration

    /// Name, version and needs.
    static var manifest: PluginManifest { get }

    /// Keeps its values; no I/O, no tasks.
    init(configuration: Configuration, context: PluginContext) throws

    /// Declares routes, migrations, services and the rest; no I/O.
    func configure(_ setup: inout PluginSetup) throws

    /// Connects; tables are there and capabilities of plugins it uses can be asked for.
    ///
    /// - Throws: ``RetriableStartError`` lets the operator's `on_start_error` decide; any other error stops the start.
    func start() async throws

    /// Refuses new work and finishes what is in flight; called before the services are told to end.
    func drain() async

    /// Releases everything; also called after a failed start, and may be called twice.
    func stop() async
}

extension Plugin {
    /// Does nothing.
    public func start() async throws {}
    /// Does nothing.
    public func drain() async {}
    /// Does nothing.
    public func stop() async {}
}

/// Who a plugin is and whom it needs.
public struct PluginManifest: Sendable {
    /// Lower-case name: its key under `plugins:`, its mount `/api/<name>`, the prefix of its tables and metrics.
    public var name: String
    /// Its own version, for people.
    public var version: String
    /// One sentence.
    public var summary: String
    /// The capabilities of other plugins that it asks for.
    public var uses: [CapabilityRequirement]

    /// Makes a manifest.
    public init(name: String, version: String, summary: String, uses: [CapabilityRequirement] = []) {
        self.name = name
        self.version = version
        self.summary = summary
        self.uses = uses
    }
}

/// A start that failed for a reason that may pass, such as a server that is down.
public struct RetriableStartError: Error, Sendable, CustomStringConvertible {
    /// What is missing.
    public var reason: String

    /// Makes an error.
    public init(_ reason: String) {
        self.reason = reason
    }

    /// The reason.
    public var description: String { reason }
}

/// The configuration of a plugin that has none.
public struct NoConfiguration: ConfigurationSection {
    /// Reads nothing.
    public init(_ config: inout ConfigReader) {}
}

/// The only Swift object that crosses the C entry point of a plugin.
public final class PluginBox: Sendable {
    /// The plugin's type.
    public let type: any Plugin.Type

    /// Boxes a type.
    public init(_ type: any Plugin.Type) {
        self.type = type
    }

    /// Makes a box with one reference that the receiver takes over; what a plugin's C entry point returns.
    public static func create(_ type: any Plugin.Type) -> UnsafeMutableRawPointer {
        Unmanaged.passRetained(PluginBox(type)).toOpaque()
    }
}
