import Glibc
package import PluginAPI
import Synchronization

/// `comfyd run`: a daemon from start to the signal that ends it.
package final class DaemonProgram: Sendable {
    private let options: DaemonOptions
    private let configuration: LoadedConfiguration
    private let parts: DaemonParts
    private let inheritance: Handover.Inheritance?
    private let result = Mutex<Int32?>(nil)
    private let ended = Semaphore()
    private let daemon = Deferred<Daemon>()
    private let isEnding = Mutex(false)

    private init(
        _ configuration: LoadedConfiguration, options: DaemonOptions, log: LogWriter,
        inheritance: Handover.Inheritance?
    ) {
        self.options = options
        self.configuration = configuration
        self.inheritance = inheritance
        parts = DaemonParts(configuration: configuration.daemon, version: options.version, log: log)
    }

    /// Runs until a signal ends it; blocks the calling thread, which is the main one.
    ///
    /// - Returns: The exit code: 0 after an orderly end, 1 when something failed, 2 when the configuration is wrong.
    package static func run(_ options: DaemonOptions) -> Int32 {
        SignalWatcher.blockInAllThreads()
        let inheritance = Handover.inherited()
        let configuration: LoadedConfiguration
        do throws(ConfigurationProblems) {
            configuration = try options.load()
        } catch {
            StandardError.write("\(error)\n")
            return 2
        }
        let log = LogWriter(level: configuration.daemon.log.level, format: configuration.daemon.log.format)
        let program = DaemonProgram(configuration, options: options, log: log, inheritance: inheritance)
        return program.run()
    }

    private func run() -> Int32 {
        let loop = parts.loops.next()
        let signals = SignalWatcher(on: loop) { self.handle($0) }
        Task(executorPreference: loop) { await self.start() }
        ended.wait()
        withExtendedLifetime(signals) { parts.shutDown() }
        return result.withLock { $0 } ?? 0
    }

    private func start() async {
        do {
            for notice in configuration.notices { parts.logger.log(notice.level, notice.message, [:]) }
            let daemon = try await Daemon(
                configuration, options: options, parts: parts, inherited: inheritance?.sockets ?? [:])
            self.daemon.value = daemon
            guard let inheritance else {
                try await daemon.start()
                return
            }
            try await daemon.takeOver(inheritance)
        } catch let error as PluginProblems {
            end(code: 2, error)
        } catch {
            end(code: 1, error)
        }
    }

    private func end(code: Int32, _ error: any Error) {
        for line in "\(error)".split(separator: "\n") {
            parts.logger.error("the daemon cannot start", ["error": String(line)])
        }
        finish(code)
    }

    private func finish(_ code: Int32) {
        let isFirst = result.withLock { result in
            guard result == nil else { return false }
            result = code
            return true
        }
        if isFirst { ended.signal() }
    }

    private func handle(_ signal: SignalWatcher.Signal) {
        switch signal {
        case .terminate, .interrupt:
            let isSecond = isEnding.withLock { isEnding in
                defer { isEnding = true }
                return isEnding
            }
            // The operator insists; what is acknowledged is on disk.
            if isSecond { _exit(130) }
            Task(executorPreference: parts.loops.next()) {
                await self.daemon.value?.stop()
                self.finish(0)
            }
        case .reload:
            Task(executorPreference: parts.loops.next()) { await self.reload() }
        case .handOver:
            let isBusy = isEnding.withLock { isEnding in
                defer { isEnding = true }
                return isEnding
            }
            guard !isBusy, let daemon = daemon.value else { return }
            Task(executorPreference: parts.loops.next()) {
                if await daemon.handOver() { self.finish(0) } else { self.isEnding.withLock { $0 = false } }
            }
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

/// Text for the operator before there is a log.
package enum StandardError {
    /// Writes all of it.
    package static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
