import Glibc
import PluginAPI
import Testing

@Suite("an orderly end")
struct ShutdownTests {
    @Test("SIGTERM lets requests in flight finish, takes no new ones, and ends with code 0")
    func drain() async throws {
        try await withDaemon("plugins: { \(try await FixturePlugin.section()) }") { daemon in
            let probe = daemon.probe
            let slow = Task { try await probe.get("/api/second/slow/1200") }
            try await Task.sleep(for: .milliseconds(300))
            daemon.send(signal: SIGTERM)
            try await eventually("new connections are refused") {
                do {
                    return try await probe.get("/health/live").status == 503
                } catch ProbeError.refused {
                    return true
                } catch {
                    return false
                }
            }
            #expect(try await slow.value.text == "awake")
            #expect(try await daemon.exitStatus() == .code(0))
        }
    }

    @Test("connections that say nothing do not hold up the end")
    func idleConnections() async throws {
        try await withDaemon("plugins: { simulator: {} }") { daemon in
            let port = daemon.port
            let open = Task {
                try await onThread {
                    let silent = try TCPConnection(port: port)
                    let kept = try HTTPWire(port: port, timeout: 10)
                    _ = try kept.exchange(HTTPRequest(target: "/queue", keepAlive: true))
                    let socket = try WebSocketProbe(port: port, target: "/ws?clientId=idle")
                    _ = try socket.frame()
                    _ = try socket.closing()
                    return silent.readToEnd().ended
                }
            }
            try await eventually("the socket is open") {
                try await daemon.probe.get("/simulator/state").json["sockets"]?.intValue == 1
            }
            let start = ContinuousClock.now
            #expect(try await daemon.terminate() == .code(0))
            #expect(ContinuousClock.now - start < .seconds(8 * Places.patience))
            #expect(try await open.value)
        }
    }

    @Test("a request that outlasts shutdown.timeout is cut off, and the daemon ends")
    func deadline() async throws {
        let configuration = "shutdown: { timeout: 1s }\nplugins: { \(try await FixturePlugin.section()) }"
        try await withDaemon(configuration) { daemon in
            let probe = daemon.probe
            let endless = Task { try? await probe.get("/api/second/slow/60000") }
            try await Task.sleep(for: .milliseconds(300))
            let start = ContinuousClock.now
            #expect(try await daemon.terminate() == .code(0))
            #expect(ContinuousClock.now - start < .seconds(6 * Places.patience))
            #expect(await endless.value?.status != 200)
        }
    }
}
