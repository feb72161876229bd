package import PluginAPI

/// Loads, starts, switches and stops plugins, one change at a time.
///
/// Order of a start: all inits → all configures → checks → migrations → starts in capability order. A change of a
/// running set is checked whole before anything is stopped; requests on plugins that do not change are not touched.
package actor PluginManager {
    /// The plugins that should run, and how to make them.
    package struct Wanted: Sendable {
        package var specifications: [PluginSpecification]
        /// Finds code.
        package var loader: PluginLoader
        /// Reads a plugin's section.
        package var reader: @Sendable (String) -> ConfigReader

        package init(
            specifications: [PluginSpecification], loader: PluginLoader,
            reader: @escaping @Sendable (String) -> ConfigReader
        ) {
            self.specifications = specifications
            self.loader = loader
            self.reader = reader
        }
    }

    /// What the manager needs of the daemon.
    package struct Environment: Sendable {
        /// What a plugin may use.
        package var context: @Sendable (String) throws -> PluginContext
        /// Runs a plugin's migrations.
        package var migrate: @Sendable (String, [Migration]) async throws -> Void
        /// The host's own routes.
        package var hostRoutes: [RouteDeclaration]
        package var router: Router
        package var capabilities: CapabilityRegistry
        package var events: LocalEventBus
        package var loops: EventLoopGroup
        package var clock: any TimeSource
        package var logger: Logger
        /// How long requests and services of a stopping plugin may take.
        package var shutdownTimeout: Duration

        package init(
            context: @escaping @Sendable (String) throws -> PluginContext,
            migrate: @escaping @Sendable (String, [Migration]) async throws -> Void, hostRoutes: [RouteDeclaration],
            router: Router, capabilities: CapabilityRegistry, events: LocalEventBus, loops: EventLoopGroup,
            clock: any TimeSource, logger: Logger, shutdownTimeout: Duration
        ) {
            self.context = context
            self.migrate = migrate
            self.hostRoutes = hostRoutes
            self.router = router
            self.capabilities = capabilities
            self.events = events
            self.loops = loops
            self.clock = clock
            self.logger = logger
            self.shutdownTimeout = shutdownTimeout
        }
    }

    private struct Running {
        let instance: PluginInstance
        var state: PluginBoard.State
        var services: ServiceRunner?
        var events: EventTasks?
        var retry: Task<Void, Never>?
    }

    /// What everybody may know.
    package nonisolated let board = PluginBoard()

    private let environment: Environment
    // An actor may be entered again at each await; a change must be alone.
    /// In start order.
    private var running: [Running] = [] {
        didSet {
            board.replace(running.map { .init(instance: $0.instance, state: $0.state, services: $0.services) })
        }
    }
    private var wanted: Wanted?
    private var isOver = false
    private let changes = TurnQueue()

    package init(_ environment: Environment) {
        self.environment = environment
    }

    // MARK: - Changes

    /// Makes exactly these plugins run.
    ///
    /// - Throws: ``PluginProblems`` before anything was stopped, or the failure of a start after the old plugins
    ///   were started again.
    package func apply(_ wanted: Wanted) async throws {
        try await changes.run { try await change(to: wanted) }
    }

    private func change(to wanted: Wanted) async throws {
        guard !isOver else { throw PluginProblems(["the daemon is stopping"]) }
        let specifications = wanted.specifications
        var kept = running.filter { specifications.contains($0.instance.specification) }
        let fresh = specifications.filter { wanted in !kept.contains { $0.instance.specification == wanted } }
        var added = try prepare(fresh, wanted)
        while case let affected = affected(in: kept, by: added), !affected.isEmpty {
            added += try prepare(affected, wanted)
            kept.removeAll { affected.contains($0.instance.specification) }
        }
        let (order, table) = try check(kept.map(\.instance) + added)

        let leaving = running.filter { entry in !kept.contains { $0.instance.name == entry.instance.name } }
        await stop(leaving)
        do {
            try await start(added, order: order, table: table)
            self.wanted = wanted
        } catch {
            await goBack(to: leaving.map(\.instance.specification), from: added, error)
            throw error
        }
    }

    /// The kept plugins that ask for a capability whose provider leaves or comes: they are started anew, so that they never change
    /// over in the middle of their work.
    private func affected(in kept: [Running], by added: [PluginInstance]) -> [PluginSpecification] {
        let leaving = running.map(\.instance).filter { instance in
            !kept.contains { $0.instance.name == instance.name }
        }
        let changed = Set((leaving + added).flatMap(\.node.provides))
        return kept.map(\.instance).filter { $0.node.asks(for: changed) }.map(\.specification)
    }

    /// Stops all plugins for good, in reverse order of their start.
    package func stopAll() async {
        await changes.run {
            isOver = true
            await stop(running)
        }
    }

    /// Checks a set of plugins without starting any; for `comfyd check`.
    ///
    /// - Throws: ``PluginProblems``.
    package func check(_ wanted: Wanted) throws -> RouteTable {
        try check(prepare(wanted.specifications, wanted)).table
    }
}

// MARK: - Preparing

extension PluginManager {
    /// Loads, makes and configures plugins; collects the problems of all.
    private func prepare(
        _ specifications: [PluginSpecification], _ wanted: Wanted
    ) throws(PluginProblems) -> [PluginInstance] {
        var problems = PluginProblems()
        var instances: [PluginInstance] = []
        for specification in specifications {
            do {
                let loaded = try wanted.loader.load(specification.name, file: specification.file)
                let context = try environment.context(specification.name)
                instances.append(
                    try PluginInstance.make(
                        loaded.type, loaded: loaded, specification: specification,
                        reader: wanted.reader(specification.name), context: context))
            } catch let error as PluginProblems {
                problems.add(error)
            } catch {
                problems.other.append("\(error)")
            }
        }
        guard problems.isEmpty else { throw problems }
        return instances
    }

    /// Checks capabilities and routes of a whole set.
    private func check(
        _ instances: [PluginInstance]
    ) throws(PluginProblems) -> (order: [String], table: RouteTable) {
        let (order, problems) = StartOrder.sort(instances.map(\.node))
        do {
            let table = try RouteTable(plugins: instances.map(\.routes), host: environment.hostRoutes)
            guard problems.isEmpty else { throw PluginProblems(problems) }
            return (order, table)
        } catch let error as RouteTableError {
            throw PluginProblems(problems + error.problems)
        } catch {
            throw PluginProblems(problems)
        }
    }
}

// MARK: - Starting and stopping

extension PluginManager {
    private func start(_ added: [PluginInstance], order: [String], table: RouteTable) async throws {
        for instance in added {
            do {
                try await environment.migrate(instance.name, instance.migrations)
            } catch {
                throw PluginProblems(["plugin \(instance.name): \(error)"])
            }
        }
        running += added.map { Running(instance: $0, state: .starting) }
        running.sort { left, right in
            (order.firstIndex(of: left.instance.name) ?? 0) < (order.firstIndex(of: right.instance.name) ?? 0)
        }
        for name in order {
            guard let instance = added.first(where: { $0.name == name }) else { continue }
            try await start(instance)
        }
        environment.router.replace(table)
        for instance in added { environment.router.setDraining(false, plugin: instance.name) }
    }

    private func start(_ instance: PluginInstance) async throws {
        do {
            try await instance.plugin.start()
            run(instance)
        } catch let error as RetriableStartError {
            switch instance.specification.onStartError {
            case .fail:
                throw PluginProblems(["plugin \(instance.name): start: \(error)"])
            case .disable:
                await instance.plugin.stop()
                set(.failed("start: \(error)"), of: instance.name)
                environment.logger.error("plugin disabled", ["plugin": instance.name, "error": "\(error)"])
            case .retry:
                retry(instance, error)
            }
        } catch {
            throw PluginProblems(["plugin \(instance.name): start: \(error)"])
        }
    }

    /// Tries a start again with back-off until it works or the plugin is stopped.
    private func retry(_ instance: PluginInstance, _ error: RetriableStartError) {
        set(.retrying(error.reason), of: instance.name)
        guard let index = running.firstIndex(where: { $0.instance.name == instance.name }) else { return }
        let clock = environment.clock
        running[index].retry = Task(executorPreference: environment.loops.next()) { [weak self] in
            var delay = Duration.seconds(1)
            while (try? await clock.sleep(for: delay)) != nil, let self {
                do {
                    try await instance.plugin.start()
                    await self.run(instance)
                    return
                } catch {
                    await self.set(.retrying("\(error)"), of: instance.name)
                    delay = min(delay * 2, .seconds(30))
                }
            }
        }
    }

    /// Makes a started plugin live: capabilities, events, services.
    private func run(_ instance: PluginInstance) {
        guard let index = running.firstIndex(where: { $0.instance.name == instance.name }),
            running[index].state != .stopping
        else { return }
        let logger = environment.logger.with(["plugin": instance.name])
        environment.capabilities.add(instance.provided, of: instance.name)
        running[index].events = environment.events.subscribe(
            instance.subscriptions, of: instance.name, on: environment.loops.next())
        let services = ServiceRunner(clock: environment.clock, logger: logger)
        services.start(services: instance.services, schedules: instance.schedules, on: environment.loops)
        running[index].services = services
        running[index].state = .running
        environment.logger.notice("plugin started", ["plugin": instance.name, "version": instance.manifest.version])
    }

    /// Drains and stops plugins, last started first; returns when nothing of them runs any more.
    private func stop(_ leaving: [Running]) async {
        for name in leaving.map(\.instance.name).reversed() {
            // As it is now: a start that was tried again may have worked while another plugin was stopped.
            guard let entry = running.first(where: { $0.instance.name == name }) else { continue }
            let plugin = entry.instance.plugin
            set(.stopping, of: name)
            environment.router.setDraining(true, plugin: name)
            if let retry = entry.retry {
                retry.cancel()
                await limited("start", of: name) { await retry.value }
            }
            await limited("drain", of: name) { await plugin.drain() }
            await settle(name)
            await entry.events?.end()
            environment.capabilities.removeAll(of: name)
            await entry.services?.stop(timeout: environment.shutdownTimeout)
            await limited("stop", of: name) { await plugin.stop() }
            running.removeAll { $0.instance.name == name }
            environment.logger.notice("plugin stopped", ["plugin": name])
        }
    }

    /// Waits for a step of a plugin, at most the shutdown timeout: a plugin that hangs must not hold up the others.
    private func limited(_ step: String, of name: String, _ body: @escaping @Sendable () async -> Void) async {
        let task = Task(executorPreference: environment.loops.next()) { await body() }
        guard await !task.ends(within: environment.shutdownTimeout, clock: environment.clock) else { return }
        task.cancel()
        environment.logger.error("a plugin does not end in time", ["plugin": name, "step": step])
    }

    /// Ends the WebSockets and event streams of a plugin, waits for its requests, at most the shutdown timeout, and breaks off the rest.
    private func settle(_ name: String) async {
        let router = environment.router
        router.closeWebSockets(plugin: name)
        router.endEvents(plugin: name)
        await waitUntilIdle(name, environment.shutdownTimeout)
        guard router.inFlight(plugin: name) > 0 else { return }
        router.breakStreams(plugin: name)
        await waitUntilIdle(name, .seconds(1))
        let left = router.inFlight(plugin: name)
        if left > 0 {
            environment.logger.warning(
                "requests outlast their plugin", ["plugin": name, "requests": String(left)])
        }
    }

    private func waitUntilIdle(_ name: String, _ timeout: Duration) async {
        let (router, clock) = (environment.router, environment.clock)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await router.waitUntilIdle(plugin: name) }
            group.addTask { try? await clock.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
        }
    }

    /// After a failed change: removes what was added and starts what was stopped.
    private func goBack(to old: [PluginSpecification], from added: [PluginInstance], _ error: any Error) async {
        await stop(running.filter { entry in added.contains { $0.name == entry.instance.name } })
        guard let wanted, !old.isEmpty else { return }
        environment.logger.error("new plugins failed to start, going back", ["error": "\(error)"])
        do {
            let instances = try prepare(old, wanted)
            let (order, table) = try check(running.map(\.instance) + instances)
            try await start(instances, order: order, table: table)
        } catch {
            environment.logger.error("the old plugins did not start again", ["error": "\(error)"])
        }
    }

    private func set(_ state: PluginBoard.State, of name: String) {
        guard let index = running.firstIndex(where: { $0.instance.name == name }) else { return }
        running[index].state = state
    }
}
