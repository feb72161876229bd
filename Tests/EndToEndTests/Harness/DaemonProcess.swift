import Glibc
import Synchronization

/// A running `comfyd`, ended with everything it started when the last reference goes.
final class DaemonProcess: Sendable {
    /// The folder of its configuration and, in `state`, of its data.
    let directory: TemporaryDirectory
    let log: LogCollector
    private let child: ChildProcess
    private let ended = Mutex<ExitStatus?>(nil)
    /// What the log said of the port so far.
    private let listening = Mutex((linesRead: 0, port: UInt16(0)))

    /// Starts a daemon on a free port of loopback; does not wait.
    ///
    /// - Parameter configuration: The text of `comfyd.yaml`; `nil` keeps the file that is there.
    init(
        _ configuration: String?, in directory: TemporaryDirectory, port: UInt16 = 0, overridesListen: Bool = true,
        arguments: [String] = [], environment: [String: String] = [:], executable: String = Places.comfyd
    ) throws {
        self.directory = directory
        if let configuration { try directory.write("comfyd.yaml", configuration) }
        log = try LogCollector()
        child = try log.lend { errors in
            try ChildProcess.start(
                executable,
                ["run", "--config", directory.file("comfyd.yaml"), "--state-dir", directory.file("state")]
                    + (overridesListen ? ["--listen", "127.0.0.1:\(port)"] : []) + arguments,
                environment: environment, directory: directory.path, errors: errors)
        }
        startThread { [self] in
            let status = child.wait()
            ended.withLock { $0 = status }
        }
    }

    /// Starts a daemon and waits until it listens.
    ///
    /// - Throws: ``DaemonFailure`` with the log when it ends instead.
    static func start(
        _ configuration: String?, in directory: TemporaryDirectory? = nil, port: UInt16 = 0,
        overridesListen: Bool = true, arguments: [String] = [], environment: [String: String] = [:],
        executable: String = Places.comfyd
    ) async throws -> DaemonProcess {
        let daemon = try DaemonProcess(
            configuration, in: try directory ?? TemporaryDirectory(), port: port, overridesListen: overridesListen,
            arguments: arguments, environment: environment, executable: executable)
        do {
            try await daemon.listens()
        } catch {
            daemon.end()
            throw error
        }
        return daemon
    }

    /// Ends everything at once, as a crash does.
    func end() {
        child.killGroup()
    }

    /// The id of the process that was started.
    var pid: pid_t { child.pid }

    /// The processes alive now; two while one hands over to the next.
    var pids: [pid_t] { ProcessFacts.members(ofGroup: child.pid, named: "comfyd") }

    /// The port it listens on; 0 before.
    var port: UInt16 {
        let lines = log.lines
        return listening.withLock { listening in
            // A log may be long, and this is asked for with each request.
            for line in lines.dropFirst(listening.linesRead) where line.contains("listening") {
                guard let place = line.firstRange(of: "127.0.0.1:")?.upperBound, line.contains("address") else {
                    continue
                }
                listening.port = UInt16(line[place...].prefix { $0.isNumber }) ?? listening.port
            }
            listening.linesRead = lines.count
            return listening.port
        }
    }

    /// A client without token.
    var probe: HTTPProbe { HTTPProbe(port: port) }

    /// A client with the generated admin token.
    var admin: HTTPProbe {
        get throws { probe.bearing(try adminToken) }
    }

    var adminToken: String {
        get throws {
            let text = try Files.text(directory.file("state/admin.token"))
            return String(text.prefix { !$0.isWhitespace })
        }
    }

    func send(signal: Int32) {
        kill(pids.last ?? child.pid, signal)
    }

    /// Ends it as the power cut does, and waits until it is gone.
    func crash() async throws {
        send(signal: SIGKILL)
        _ = try await exitStatus()
    }

    /// Asks it to end and waits.
    @discardableResult
    func terminate(within seconds: Double = 20) async throws -> ExitStatus {
        send(signal: SIGTERM)
        return try await exitStatus(within: seconds)
    }

    /// Waits for the end of the process that was started.
    func exitStatus(within seconds: Double = 20) async throws -> ExitStatus {
        try await eventually("the daemon ends\n\(tail)", within: seconds) { self.ended.withLock { $0 } }
    }

    var isRunning: Bool { !pids.isEmpty }

    /// The last lines of the log, for messages.
    var tail: String { log.lines.suffix(40).joined(separator: "\n") }

    /// Waits for a log line with all the given words, and returns it.
    @discardableResult
    func logged(from start: Int = 0, within seconds: Double = 15, _ words: String...) async throws -> String {
        try await eventually("log line with \(words)\n\(tail)", within: seconds) {
            self.log.lines.dropFirst(start).first { line in words.allSatisfy { line.contains($0) } }
        }
    }

    private func listens() async throws {
        try await eventually("the daemon listens\n\(tail)", within: 30) {
            if self.port != 0 { return true }
            if let status = self.ended.withLock({ $0 }) { throw DaemonFailure(status: status, log: self.tail) }
            return false
        }
    }
}

/// A daemon that ended instead of serving.
struct DaemonFailure: Error, CustomStringConvertible {
    let status: ExitStatus
    let log: String

    var description: String { "comfyd ended with \(status)\n\(log)" }
}

/// Runs a body with a daemon, which is ended afterwards whatever happens.
func withDaemon<T>(
    _ configuration: String, in directory: TemporaryDirectory? = nil, arguments: [String] = [],
    environment: [String: String] = [:], _ body: (DaemonProcess) async throws -> T
) async throws -> T {
    try await withSlots(1) {
        let daemon = try await DaemonProcess.start(
            configuration, in: directory, arguments: arguments, environment: environment)
        defer { daemon.end() }
        return try await body(daemon)
    }
}
