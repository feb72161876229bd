/// What a plugin may declare, only during ``Plugin/configure(_:)``; the host reads it afterwards.
public struct PluginSetup {
    /// Routes below `/api/<plugin>`, for authenticated callers unless a group says otherwise.
    public var routes: RouteGroup

    /// Groups outside the plugin's own mount, with the prefixes they claim.
    public private(set) var rootGroups: [RootGroup] = []
    /// The plugin's migrations in order.
    public private(set) var migrations: [Migration] = []
    /// The capabilities it provides.
    public private(set) var provided: [ProvidedCapability] = []
    /// Its event subscriptions.
    public private(set) var subscriptions: [EventSubscription] = []
    /// Its long-running services.
    public private(set) var services: [ServiceDeclaration] = []
    /// Its repeated jobs.
    public private(set) var schedules: [ScheduleDeclaration] = []
    /// Its health checks.
    public private(set) var healthChecks: [HealthDeclaration] = []

    /// Makes an empty setup for a plugin; the host does this, and tests.
    public init(plugin: String) {
        routes = RouteGroup(prefix: "/api/\(plugin)")
    }

    /// Routes outside `/api/<plugin>`: a surface that imitates another product's paths.
    ///
    /// Errors below the claimed prefixes (404 and 405 too) are rendered by `surface`; the longest matching prefix wins.
    public mutating func rootRoutes(
        claiming prefixes: [String], surface: Surface, access: Access = .openSurface,
        ownership: RouteDeclaration.Ownership = .claimed, _ body: (inout RouteGroup) throws -> Void
    ) rethrows {
        var group = RouteGroup(prefix: "", access: access, surface: surface, ownership: ownership)
        try body(&group)
        rootGroups.append(RootGroup(prefixes: prefixes, surface: surface, routes: group.routes))
    }

    /// Adds migrations, run by the host before any plugin starts.
    public mutating func migrate(_ migrations: [Migration]) {
        self.migrations += migrations
    }

    /// Offers a capability to other plugins.
    public mutating func provide<Value: Sendable>(_ key: CapabilityKey<Value>, _ value: Value) {
        provided.append(ProvidedCapability(name: key.name, version: key.version, value: value))
    }

    /// Handles events of one type; events of one subscription arrive one after the other.
    public mutating func subscribe<E: Event>(to type: E.Type, _ handler: @escaping @Sendable (E) async throws -> Void) {
        subscriptions.append(
            EventSubscription(name: E.name) { event in
                guard let event = event as? E else { return }
                try await handler(event)
            })
    }

    /// Runs a service from start to shutdown; it returns soon after the signal says so, or is cancelled at the deadline.
    public mutating func service(
        _ name: String, restart: RestartPolicy = .onFailure,
        run: @escaping @Sendable (any ShutdownSignal) async throws -> Void
    ) {
        services.append(ServiceDeclaration(name: name, restart: restart, run: run))
    }

    /// Repeats a job; runs never overlap.
    ///
    /// `jitter` is the share of the interval by which starts are spread (0…1).
    public mutating func schedule(
        _ name: String, every interval: Duration, jitter: Double = 0.1,
        _ job: @escaping @Sendable () async throws -> Void
    ) {
        schedules.append(ScheduleDeclaration(name: name, interval: interval, jitter: jitter, job: job))
    }

    /// Adds a check to `/health/ready`.
    public mutating func health(
        _ name: String, affects: HealthScope = .readiness, _ check: @escaping @Sendable () async -> HealthStatus
    ) {
        healthChecks.append(HealthDeclaration(name: name, scope: affects, check: check))
    }
}

/// A group of routes outside a plugin's own mount.
public struct RootGroup: Sendable {
    /// The prefixes whose errors this surface renders.
    public let prefixes: [String]
    /// The dialect.
    public let surface: Surface
    /// The routes.
    public let routes: [RouteDeclaration]
}
