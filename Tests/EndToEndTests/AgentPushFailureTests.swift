import Glibc
import PluginAPI
import Testing

/// A server on a loopback port that takes whatever comes on each connection and then does something to it.
private final class RudeAgent: Sendable {
    let port: UInt16
    private let listener: Int32

    init(_ act: @escaping @Sendable (TCPConnection) -> Void) throws {
        (listener, port) = try TCPConnection.listen()
        startThread { [listener] in
            // Ends when the listener is shut.
            while case let accepted = accept(listener, nil, nil), accepted >= 0 {
                startThread {
                    let connection = TCPConnection(accepted: accepted, timeout: 30)
                    guard (try? connection.read())?.isEmpty == false else { return }
                    act(connection)
                }
            }
            close(listener)
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
    }
}

/// What agents do to the daemon's connections, and what an operator's machine does to them.
@Suite("agents that answer badly")
struct AgentPushFailureTests {
    private func push(_ daemon: DaemonProcess, to baseURL: String, id: String) async throws -> HTTPAnswer {
        let agent = try await daemon.sendCatalogs("POST", "/agents", ["id": .string(id), "baseUrl": .string(baseURL)])
        #expect(agent.status == 200, "\(agent)")
        return try await daemon.sendCatalogs(
            "POST", "/tasks", ["agentId": .string(id), "taskId": .string(id), "manifestUrl": "http://centre/m/1"])
    }

    private static let configuration = "plugins: { agents: { push_targets: [127.0.0.0/8] } }"

    private static let head = "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"

    @Test(
        "an answer that is none is an agent without an answer, at once",
        arguments: ["", "HTTP/1.1 200 OK\r\nContent-", "\u{1}\u{2}garbage\r\n\r\n", "HTTP/1.1 OK\r\n\r\n", "head"])
    func noAnswer(_ text: String) async throws {
        let bytes =
            text == "head"
            ? Array(("HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 200_000)).utf8) : Array(text.utf8)
        let agent = try RudeAgent { try? $0.write(bytes) }
        try await withDaemon(Self.configuration) { daemon in
            let start = ContinuousClock.now
            let answer = try await push(daemon, to: "http://127.0.0.1:\(agent.port)", id: "a")
            #expect(answer.status == 502 && answer.json["detail"] == "AGENT_PUSH_FAILED", "\(answer)")
            #expect(ContinuousClock.now - start < .seconds(10))
            let task = try await daemon.sendCatalogs("GET", "/tasks/a").json
            #expect(task["status"] == "pending" && task["errorMessage"] == "AGENT_PUSH_TIMEOUT", "\(task)")
        }
    }

    @Test("an answer counts when its header is here, whatever body follows, and however long")
    func endlessBody() async throws {
        let agent = try RudeAgent { connection in
            try? connection.write(Array(Self.head.utf8))
            let piece = [UInt8](repeating: 0x61, count: 1 << 20)
            while (try? connection.write(piece)) != nil {}
        }
        try await withDaemon(Self.configuration) { daemon in
            let start = ContinuousClock.now
            let answer = try await push(daemon, to: "http://127.0.0.1:\(agent.port)", id: "a")
            #expect(answer.status == 200 && answer.json["status"] == "running", "\(answer)")
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("silence and a header that comes drop by drop end after 15 s, and hold up nobody meanwhile")
    func silence() async throws {
        let silent = try RudeAgent { _ = $0.readToEnd() }
        let dripping = try RudeAgent { connection in
            try? connection.write(Array("HTTP/1.1 200 OK\r\na: ".utf8))
            while (try? connection.write([0x61])) != nil { usleep(200_000) }
        }
        try await withDaemon(Self.configuration) { daemon in
            let start = ContinuousClock.now
            async let one = push(daemon, to: "http://127.0.0.1:\(silent.port)", id: "silent")
            async let other = push(daemon, to: "http://127.0.0.1:\(dripping.port)", id: "dripping")
            try await eventually("both are pushed") {
                try await daemon.sendCatalogs("GET", "/tasks").json.arrayValue?.filter { $0["pushedAt"] != .null }.count
                    == 2
            }
            #expect(ContinuousClock.now - start < .seconds(10))
            for answer in try await [one, other] {
                #expect(answer.status == 502 && answer.json["pushStatus"] == .null, "\(answer)")
            }
            let took = ContinuousClock.now - start
            #expect(took >= .seconds(14) && took < .seconds(25), "\(took)")
            for id in ["silent", "dripping"] {
                let task = try await daemon.sendCatalogs("GET", "/tasks/\(id)").json
                #expect(task["errorMessage"] == "AGENT_PUSH_TIMEOUT", "\(task)")
            }
        }
    }

    @Test("no proxy of the environment comes between: it would see the token, and the address would be its own")
    func proxy() async throws {
        let agent = try LocalServer { _ in .json(["status": "accepted"]) }
        let proxy = try LocalServer { _ in .json(["status": "accepted"]) }
        let names = ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"]
        let environment = Dictionary(uniqueKeysWithValues: names.map { ($0, proxy.url) })
        try await withDaemon(Self.configuration, environment: environment) { daemon in
            // Written so that it is not seen to be loopback before it is resolved.
            let answer = try await push(daemon, to: "http://2130706433:\(agent.port)", id: "a")
            #expect(answer.status == 200 && answer.json["status"] == "running", "\(answer)")
            let secure = try await push(daemon, to: "https://2130706433:\(agent.port)", id: "b")
            #expect(secure.status == 502 && secure.json["detail"] == "AGENT_PUSH_FAILED", "\(secure)")
        }
        #expect(agent.requests.count == 1 && proxy.requests.isEmpty)
    }

    @Test("a daemon that ends lets a push end first, within its 15 s")
    func ends() async throws {
        let folder = try TemporaryDirectory()
        let silent = try RudeAgent { _ = $0.readToEnd() }
        try await withSlots(1) {
            let daemon = try await DaemonProcess.start(Self.configuration, in: folder)
            defer { daemon.end() }
            async let pushed = push(daemon, to: "http://127.0.0.1:\(silent.port)", id: "a")
            try await eventually("the task is pushed") {
                try await daemon.sendCatalogs("GET", "/tasks").json.arrayValue?.first?["pushedAt"]?.stringValue != nil
            }
            let start = ContinuousClock.now
            try await daemon.terminate(within: 40)
            // The request is answered first; at most until its push is.
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(try await pushed.status == 502)
        }
        try await withDaemon(Self.configuration, in: folder) { daemon in
            let task = try await daemon.sendCatalogs("GET", "/tasks/a").json
            #expect(task["status"] == "pending" && task["errorMessage"] == "AGENT_PUSH_TIMEOUT", "\(task)")
        }
    }
}
