/// How important a log line is.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    /// One line per step.
    case debug
    /// One line per job.
    case info
    /// The life of the daemon.
    case notice
    /// It will get worse.
    case warning
    /// Someone must act.
    case error

    /// Less important is smaller.
    public static func < (lhs: LogLevel, rhs: LogLevel) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// Where log lines go.
public protocol LogSink: Sendable {
    /// Lines below this level are not even made.
    var level: LogLevel { get }
    /// Takes one line.
    func write(_ level: LogLevel, _ message: String, _ facts: [(String, String)])
}

/// Writes log lines: a constant message, and facts beside it.
///
/// Facts never hold a token, a prompt or image bytes.
public struct Logger: Sendable {
    private let sink: (any LogSink)?
    private var facts: [(String, String)]

    /// Makes a logger; without a sink it is silent.
    public init(sink: (any LogSink)? = nil, facts: [(String, String)] = []) {
        self.sink = sink
        self.facts = facts
    }

    /// A logger that adds facts to each line.
    public func with(_ more: KeyValuePairs<String, String>) -> Logger {
        Logger(sink: sink, facts: facts + more.map { ($0.key, $0.value) })
    }

    /// Writes a line if its level is wanted.
    public func log(_ level: LogLevel, _ message: String, _ more: @autoclosure () -> KeyValuePairs<String, String>) {
        guard let sink, level >= sink.level else { return }
        sink.write(level, message, facts + more().map { ($0.key, $0.value) })
    }

    /// One line per step.
    public func debug(_ message: String, _ facts: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        log(.debug, message, facts())
    }

    /// One line per job.
    public func info(_ message: String, _ facts: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        log(.info, message, facts())
    }

    /// The life of the daemon.
    public func notice(_ message: String, _ facts: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        log(.notice, message, facts())
    }

    /// It will get worse.
    public func warning(_ message: String, _ facts: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        log(.warning, message, facts())
    }

    /// Someone must act.
    public func error(_ message: String, _ facts: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        log(.error, message, facts())
    }
}
