package import PluginAPI
import Synchronization

/// Keeps log lines in memory, for tests.
package final class CapturedLog: LogSink {
    /// One line.
    package struct Line: Sendable, CustomStringConvertible {
        /// How important it is.
        package let level: LogLevel
        /// What happened.
        package let message: String
        /// What is known about it.
        package let facts: [(String, String)]

        /// The value of a fact; the last one counts.
        package subscript(name: String) -> String? {
            facts.last { $0.0 == name }?.1
        }

        /// Such as `notice started port=8000`.
        package var description: String {
            ([LogLine.name(of: level), message] + facts.map { "\($0.0)=\($0.1)" }).joined(separator: " ")
        }
    }

    private let captured = Mutex<[Line]>([])
    /// The least important lines that are kept.
    package let level: LogLevel

    /// Keeps all lines from a level on.
    package init(level: LogLevel = .debug) {
        self.level = level
    }

    /// The lines so far.
    package var lines: [Line] {
        captured.withLock { $0 }
    }

    /// The lines with that message.
    package func lines(_ message: String) -> [Line] {
        lines.filter { $0.message == message }
    }

    /// Takes one line.
    package func write(_ level: LogLevel, _ message: String, _ facts: [(String, String)]) {
        guard level >= self.level else { return }
        captured.withLock { $0.append(Line(level: level, message: message, facts: facts)) }
    }
}
