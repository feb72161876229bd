import Glibc
import PluginAPI
import Testing

@Suite("streams of server-sent events")
struct EventStreamTests {
    /// Opens a stream; the task gives everything up to its end.
    private static func listen(_ daemon: DaemonProcess) async throws -> Task<String, any Error> {
        let task = Task { [port = daemon.port] in
            try await onThread {
                let connection = try TCPConnection(port: port, timeout: 30 * Places.patience)
                try connection.write(HTTPRequest(target: "/api/second/events", keepAlive: true).bytes(port: port))
                var text = ""
                while !text.hasSuffix("\r\n0\r\n\r\n") {
                    let bytes = try connection.read()
                    if bytes.isEmpty { break }
                    text += String(decoding: bytes, as: UTF8.self)
                }
                return text
            }
        }
        try await eventually("somebody listens") { try await daemon.probe.get("/api/second/listeners").text == "1" }
        return task
    }

    @Test("the stream's header keeps proxies from collecting and compressing it")
    func header() async throws {
        try await withDaemon("plugins: { \(try await FixturePlugin.section()) }") { daemon in
            let stream = try await Self.listen(daemon)
            try await daemon.terminate()
            let answer = try await stream.value
            #expect(answer.contains("event: state\ndata: 1\n\n"))
            let head = answer.lowercased()
            #expect(head.contains("content-type: text/event-stream"))
            #expect(head.contains("x-accel-buffering: no"))
            #expect(head.contains("cache-control: no-cache, no-transform"))
            #expect(!head.contains("content-encoding"))
        }
    }

    @Test("a client that leaves ends its writer soon, though nothing is written")
    func clientLeaves() async throws {
        try await withDaemon("plugins: { \(try await FixturePlugin.section()) }") { daemon in
            let probe = daemon.probe
            try await onThread { [port = daemon.port] in
                let connection = try TCPConnection(port: port)
                try connection.write(HTTPRequest(target: "/api/second/events", keepAlive: true).bytes(port: port))
                var text = ""
                while !text.contains("data: 1\n\n") { text += String(decoding: try connection.read(), as: UTF8.self) }
            }
            let start = ContinuousClock.now
            try await eventually("nobody listens any more") { try await probe.get("/api/second/listeners").text == "0" }
            #expect(ContinuousClock.now - start < .seconds(3 * Places.patience))
        }
    }

    @Test("the daemon's end ends the streams whole, and does not wait for them")
    func daemonEnds() async throws {
        try await withDaemon("plugins: { \(try await FixturePlugin.section()) }") { daemon in
            let stream = try await Self.listen(daemon)
            let start = ContinuousClock.now
            #expect(try await daemon.terminate() == .code(0))
            #expect(ContinuousClock.now - start < .seconds(5 * Places.patience))
            #expect(try await stream.value.hasSuffix("\r\n0\r\n\r\n"))
        }
    }

    @Test("disabling the plugin ends its streams whole, and does not wait for them")
    func pluginEnds() async throws {
        try await withDaemon("plugins: { \(try await FixturePlugin.section()) }") { daemon in
            let stream = try await Self.listen(daemon)
            let start = ContinuousClock.now
            #expect(try await daemon.admin.post("/api/admin/plugins/second/disable", [:]).status == 200)
            #expect(ContinuousClock.now - start < .seconds(5 * Places.patience))
            #expect(try await stream.value.hasSuffix("\r\n0\r\n\r\n"))
        }
    }
}
