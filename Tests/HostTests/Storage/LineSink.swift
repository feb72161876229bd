import PluginAPI
import Synchronization

/// Keeps log lines.
final class LineSink: LogSink {
    let level = LogLevel.debug
    private let lines = Mutex<[String]>([])

    func write(_ level: LogLevel, _ message: String, _ facts: [(String, String)]) {
        lines.withLock { $0.append(message) }
    }

    func count(_ message: String) -> Int {
        lines.withLock { lines in lines.count { $0 == message } }
    }
}
