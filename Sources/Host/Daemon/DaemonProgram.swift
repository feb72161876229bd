import Glibc
import PluginAPI
import Synchronization

/// `comfyd run`: a daemon from start to the signal that ends it.
package final class DaemonProgram: Sendable {
    private let options: DaemonOptions
    private let configuration: LoadedConfiguration
    private let parts: DaemonParts
    private let inheritance: Handover.Inheritance?
    private let failure = Mutex<CommandFailure?>(nil)
    private let ended = ShutdownLatch()
    private let daemon = Deferred<Daemon>()
    private let ending = Mutex(Ending())

    /// How far the end of this process is decided.
    private struct Ending {
        var isTold = false
        var isHandingOver = false
        /// The new process, while it takes over.
        var successor: Int32?
    }

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
            let daemon = try await Daemon(
                configuration, options: options, parts: parts, inherited: inheritance?.sockets ?? [:])
            self.daemon.value = daemon
            if let inheritance {
                try await daemon.takeOver(inheritance)
            } else {
                try await daemon.start()
            }
        } catch {
            // Told to end while starting: the parts were taken away, and stop() ends the process.
            if ending.withLock({ $0.isTold }) { return }
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
            Task(executorPreference: parts.loops.next()) { await self.reload() }
        case .handOver: handOver()
        }
    }

    private func terminate() {
        let before = ending.withLock { ending in
            defer { ending.isTold = true }
            return ending
        }
        // The operator insists; what is acknowledged is on disk.
        if before.isTold { _exit(130) }
        guard !before.isHandingOver else {
            // The word is meant for the service, whichever process it is.
            if let successor = before.successor { kill(successor, SIGTERM) }
            return
        }
        stop()
    }

    private func stop() {
        Task(executorPreference: parts.loops.next()) {
            await self.daemon.value?.stop()
            self.ended.begin()
        }
    }

    private func handOver() {
        guard let daemon = daemon.value else { return }
        let mayStart = ending.withLock { ending in
            guard !ending.isTold, !ending.isHandingOver else { return false }
            ending.isHandingOver = true
            return true
        }
        guard mayStart else { return }
        Task(executorPreference: parts.loops.next()) {
            let isOver = await daemon.handOver { pid in
                self.ending.withLock { $0.successor = pid }
            }
            if isOver { return self.ended.begin() }
            let isTold = self.ending.withLock { ending in
                ending.isHandingOver = false
                ending.successor = nil
                return ending.isTold
            }
            if isTold { self.stop() }
        }
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
