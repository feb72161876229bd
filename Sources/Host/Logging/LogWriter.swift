import Glibc
package import PluginAPI
import Synchronization

/// Writes log lines to a descriptor, standard error by default, each with one write.
///
/// The level can be changed while the daemon runs. A reader that does not read costs lines, which are counted and
/// reported once it reads again; see ``LogOutput``. The process must ignore `SIGPIPE`, as the daemon does.
package final class LogWriter: LogSink {
    private let threshold: Atomic<Int>
    private let usesJSON: Atomic<Bool>
    private let clock: any TimeSource
    private let output: Mutex<LogOutput>

    /// Starts a writer; `patience` is how long a line may wait for a reader that stands still.
    package init(
        descriptor: Int32 = STDERR_FILENO, level: LogLevel = .info, format: LogFormat = .text,
        clock: any TimeSource = MonotonicClock(), patience: Duration = .milliseconds(50)
    ) {
        threshold = Atomic(level.rawValue)
        usesJSON = Atomic(format == .json)
        self.clock = clock
        output = Mutex(LogOutput(descriptor: descriptor, patience: patience))
    }

    /// The least important lines that are written.
    package var level: LogLevel {
        get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// The shape of a line.
    package var format: LogFormat {
        get { usesJSON.load(ordering: .relaxed) ? .json : .text }
        set { usesJSON.store(newValue == .json, ordering: .relaxed) }
    }

    /// Takes one line.
    package func write(_ level: LogLevel, _ message: String, _ facts: [(String, String)]) {
        guard level >= self.level else { return }
        let format = format
        let time = clock.wallClock
        let line = LogLine(time: time, level: level, message: message, facts: facts).bytes(format)
        output.withLock { output in
            output.write(line) { count in
                LogLine(time: time, level: .warning, message: "log lines lost", facts: [("count", String(count))])
                    .bytes(format)
            }
        }
    }
}
