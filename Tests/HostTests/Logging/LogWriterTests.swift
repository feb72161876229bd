import Glibc
import Host
import PluginAPI
import PluginTestKit
import Testing

/// A pipe whose reader reads when it is told to.
private final class Pipe: Sendable {
    let reader: Int32
    let writer: Int32

    init(isSocket: Bool = false) {
        var ends: [Int32] = [-1, -1]
        if isSocket {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        } else {
            pipe(&ends)
        }
        reader = ends[0]
        writer = ends[1]
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// All that is there now.
    func read() -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(reader, &chunk, chunk.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}

@Suite("LogWriter")
struct LogWriterTests {
    @Test("a logger's line arrives, those below the level do not; the level can be changed")
    func level() {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.writer, level: .notice)
        let logger = Logger(sink: writer).with(["plugin": "gateway"])
        logger.info("unseen")
        logger.notice("seen", ["n": "1"])
        writer.level = .debug
        writer.format = .json
        logger.debug("now seen")
        let lines = pipe.read().split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix("Z notice  seen  plugin=gateway n=1") == true)
        #expect(lines.last?.hasSuffix("\"level\":\"debug\",\"message\":\"now seen\",\"plugin\":\"gateway\"}") == true)
    }

    @Test("lines of many threads never mix", arguments: [false, true])
    func threads(isSocket: Bool) async {
        let pipe = Pipe(isSocket: isSocket)
        let writer = LogWriter(descriptor: pipe.writer)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for line in 0..<20 { writer.write(.info, "work", [("task", "\(task)"), ("line", "\(line)")]) }
                }
            }
        }
        let lines = pipe.read().split(separator: "\n")
        #expect(lines.count == 160)
        #expect(lines.allSatisfy { $0.contains(" info    work  task=") })
    }

    @Test("a reader that stands still costs lines, not the daemon, and hears how many", arguments: [false, true])
    func stalledReader(isSocket: Bool) {
        let pipe = Pipe(isSocket: isSocket)
        let writer = LogWriter(descriptor: pipe.writer, patience: .milliseconds(1))
        // Far more than a pipe or a socket holds; would never return if writes blocked.
        let value = String(repeating: "x", count: 5000)
        for line in 0..<500 { writer.write(.info, "m", [("line", "\(line)"), ("value", value)]) }
        let first = pipe.read()
        writer.write(.info, "after", [])
        writer.write(.info, "after that", [])
        let text = first + pipe.read()

        let lines = text.split(separator: "\n")
        let whole = lines.filter { $0.hasSuffix(" value=\(value)") }
        let note = lines.first { $0.contains(" warning log lines lost  count=") }
        let lost = note?.split(separator: "=").last.flatMap { Int($0) } ?? 0
        #expect(whole.count + lost == 500)
        #expect(lost > 0)
        #expect(lines.count == whole.count + 3)
        #expect(lines.last?.hasSuffix(" info    after that") == true)
    }

    @Test("a blocking descriptor stays blocking for its other owners")
    func flags() {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.writer)
        writer.write(.info, "m", [])
        #expect(fcntl(pipe.writer, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test("lines go to the end of a file")
    func file() {
        let directory = TemporaryDirectory()
        let path = directory.write("log", "before\n")
        let descriptor = open(path, O_WRONLY | O_APPEND)
        defer { close(descriptor) }
        LogWriter(descriptor: descriptor).write(.error, "m", [])
        #expect(directory.read("log").hasPrefix("before\n20"))
    }

    @Test("a closed descriptor is no reason to stop")
    func closed() {
        let writer = LogWriter(descriptor: -1)
        for _ in 0..<3 { writer.write(.error, "m", []) }
        #expect(writer.level == .info)
    }
}

@Suite("CapturedLogs")
struct CapturedLogsTests {
    @Test("lines are kept with their facts")
    func capture() {
        let log = CapturedLogs(level: .info)
        let logger = Logger(sink: log, facts: [("plugin", "x")])
        logger.debug("unseen")
        logger.warning("slow", ["ms": "9"])
        #expect(log.lines.map(\.description) == ["warning slow plugin=x ms=9"])
        #expect(log.lines("slow").first?["ms"] == "9")
        #expect(log.lines("unseen").isEmpty)
    }
}
