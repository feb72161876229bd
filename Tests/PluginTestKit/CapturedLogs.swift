package import PluginAPI
import Synchronization

/// Keeps log lines for a test to look at.
package final class CapturedLogs: LogSink {
    /// One line.
    package struct Line: Sendable, CustomStringConvertible {
        package let level: LogLevel
        package let message: String
        package let facts: [(String, String)]

        /// The value of a fact.
        package subscript(_ fact: String) -> String? { facts.last { $0.0 == fact }?.1 }

        /// Such as `notice started port=8000`.
        package var description: String {
            (["\(level)", message] + facts.map { "\($0.0)=\($0.1)" }).joined(separator: " ")
        }
    }

    /// The least important lines that are kept.
    package let level: LogLevel
    private let kept = Mutex<[Line]>([])

    /// Makes a sink.
    package init(level: LogLevel = .debug) {
        self.level = level
    }

    package func write(_ level: LogLevel, _ message: String, _ facts: [(String, String)]) {
        guard level >= self.level else { return }
        kept.withLock { $0.append(Line(level: level, message: message, facts: facts)) }
    }

    /// All lines so far.
    package var lines: [Line] { kept.withLock { $0 } }

    /// The lines with that message.
    package func lines(_ message: String) -> [Line] { lines.filter { $0.message == message } }

    /// The lines of at least a level.
    package func lines(from level: LogLevel) -> [Line] { lines.filter { $0.level >= level } }
}
