import Glibc
import PluginAPI
import Synchronization

/// `comfyd run`: a daemon from start to the signal that ends it.
package final class DaemonProgram: Sendable {
    private enum Phase {
        /// Also waiting for the process that this one takes over from; nothing of ours may run yet.
        case starting
        case running
        case handingOver
        case ending
    }

    private let options: DaemonOptions
    private let configuration: LoadedConfiguration
    private let parts: DaemonParts
    private let inheritance: Handover.Inheritance?
    private let failure = Mutex<CommandFailure?>(nil)
    private let ended = ShutdownLatch()
    private let daemon = Deferred<Daemon>()
    private let phase = Mutex(Phase.starting)
    /// Whether a signal asked for a reload during the start.
    private let mustReload = Mutex(false)

    private init(_ configuration: LoadedConfiguration, _ options: DaemonOptions, _ inheritance: Handover.Inheritance?) {
        self.options = options
        self.configuration = configuration
        self.inheritance = inheritance
        let log = LogWriter(level: configuration.daemon.log.level, format: configuration.daemon.log.format)
        parts = DaemonParts(configuration: configuration.daemon, version: options.version, log: log)
    }

    /// Runs until a signal ends it; call ``SignalWatcher/blockInAllThreads()`` first.
    ///
    /// - Throws: ``ConfigurationProblems`` before anything was started, ``CommandFailure`` when a start fails.
    package static func run(_ options: DaemonOptions) async throws {
        _ = Executable.path
        let inheritance = Handover.inherited()
        let program = DaemonProgram(try options.load(), options, inheritance)
        try await program.run()
    }

    private func run() async throws {
        let signals = SignalWatcher(on: parts.loops.next()) { self.handle($0) }
        Task(executorPreference: parts.loops.next()) { await self.start() }
        await ended.wait()
        withExtendedLifetime(signals) { parts.shutDown() }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    private func start() async {
        do {
            for notice in configuration.notices { parts.logger.log(notice.level, notice.message, [:]) }
            if let limit = DescriptorLimit.raise(forConnections: configuration.daemon.limits.connections) {
                parts.logger.warning(
                    "the system allows fewer open files than limits.connections needs", ["limit": String(limit)])
            }
            let daemon = try await Daemon(
                configuration, options: options, parts: parts, inherited: inheritance?.sockets ?? [:])
            self.daemon.value = daemon
            if let inheritance {
                try await daemon.takeOver(inheritance)
            } else {
                try await daemon.start()
            }
            phase.withLock { if $0 == .starting { $0 = .running } }
            if mustReload.withLock({ $0 }) { await reload() }
        } catch {
            // A signal came during the start, and what it began also ends the daemon.
            if phase.withLock({ $0 == .ending }) { return }
            let code: Int32 = error is PluginProblems ? 2 : 1
            failure.withLock { $0 = CommandFailure("cannot start: \(error)", exitCode: code) }
            await daemon.value?.stop()
            ended.begin()
        }
    }

    private func handle(_ signal: SignalWatcher.Signal) {
        switch signal {
        case .terminate, .interrupt: terminate()
        case .reload:
            switch phase.withLock({ $0 }) {
            case .starting: mustReload.withLock { $0 = true }
            case .running, .handingOver: Task(executorPreference: parts.loops.next()) { await self.reload() }
            case .ending: break
            }
        case .handOver:
            guard let daemon = daemon.value else { return }
            let isBusy = phase.withLock { phase in
                guard phase == .running else { return true }
                phase = .handingOver
                return false
            }
            if !isBusy { Task(executorPreference: parts.loops.next()) { await self.handOver(daemon) } }
        }
    }

    private func terminate() {
        let before = phase.withLock { phase in
            defer { phase = .ending }
            return phase
        }
        switch before {
        case .starting, .running: Task(executorPreference: parts.loops.next()) { await self.stop() }
        // The hand-over notices, or is so far that it ends this process anyway.
        case .handingOver: daemon.value?.stopSuccessor()
        // The operator insists; what is acknowledged is on disk.
        case .ending: _exit(130)
        }
    }

    private func stop() async {
        await daemon.value?.stop()
        ended.begin()
    }

    private func handOver(_ daemon: Daemon) async {
        if await daemon.handOver() { return ended.begin() }
        let isEnding = phase.withLock { phase in
            guard phase == .handingOver else { return true }
            phase = .running
            return false
        }
        if isEnding { await stop() }
    }

    private func reload() async {
        do {
            try await daemon.value?.reload()
        } catch {
            for line in "\(error)".split(separator: "\n") {
                parts.logger.error("the new configuration is not applied", ["error": String(line)])
            }
        }
    }
}
