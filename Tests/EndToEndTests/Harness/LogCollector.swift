import Glibc
import Synchronization

/// Reads a daemon's standard error to its end.
final class LogCollector: Sendable {
    private let text = Mutex<[String]>([])
    /// The end of the pipe that the daemon writes to.
    private let writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Files.Failure(description: "pipe: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let (reading, writing) = (ends[0], ends[1])
        self.writing = writing
        startThread { [self] in collect(from: reading) }
    }

    /// Runs a body with the writing end, and closes it here.
    func lend<T>(_ body: (Int32) throws -> T) rethrows -> T {
        defer { close(writing) }
        return try body(writing)
    }

    var lines: [String] {
        text.withLock { $0 }
    }

    /// The lines from a number on that have all the given words.
    func lines(from start: Int = 0, with words: String...) -> [String] {
        lines.dropFirst(start).filter { line in words.allSatisfy { line.contains($0) } }
    }

    private func collect(from descriptor: Int32) {
        var rest: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest += chunk[..<count]
            while let end = rest.firstIndex(of: 10) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeFirst(end + 1)
                text.withLock { $0.append(line) }
            }
        }
        if !rest.isEmpty { text.withLock { [rest] in $0.append(String(decoding: rest, as: UTF8.self)) } }
        close(descriptor)
    }
}
