import Glibc
import PluginAPI
import Testing

@Suite("switching plugins while the daemon runs")
struct SwitchingTests {
    private static let both = """
        plugins:
          gateway: {}
          simulator:
            step_delay: 5ms
        """

    @Test("disabling and enabling one plugin by the admin API fails no request on the other")
    func adminAPI() async throws {
        try await withDaemon(Self.both) { daemon in
            let load = LoadGenerator(
                threads: 2, port: daemon.port, keepAlive: true, HTTPRequest(target: "/api/workers"))
            for _ in 0..<3 {
                #expect(try await daemon.probe.get("/system_stats").status == 200)
                let off = try await daemon.admin.post("/api/admin/plugins/simulator/disable", [:])
                #expect(off.status == 200, "\(off)")
                #expect(try await daemon.probe.get("/system_stats").status == 404)
                try await load.answers(20)
                let on = try await daemon.admin.post("/api/admin/plugins/simulator/enable", [:])
                #expect(on.status == 200, "\(on)")
                #expect(on.json["state"] == "running")
                try await load.answers(20)
            }
            #expect(try await load.stop() == [])
            // The switch is kept for the next start.
            let text = try Files.text(daemon.directory.file("comfyd.yaml"))
            #expect(text.contains("step_delay: 5ms"), "the rest of the file stays: \(text)")
            #expect(try await daemon.probe.post("/api/admin/plugins/simulator/disable", [:]).status == 401)
        }
    }

    @Test("a request inside a plugin that is being disabled is finished")
    func inFlight() async throws {
        try await withDaemon("plugins: { gateway: {}, simulator: { answer_delay: 1s } }") { daemon in
            let slow = Task { try await daemon.probe.get("/system_stats") }
            try await Task.sleep(for: .milliseconds(300))
            let start = ContinuousClock.now
            let off = try await daemon.admin.post("/api/admin/plugins/simulator/disable", [:])
            #expect(off.status == 200)
            #expect(ContinuousClock.now - start > .milliseconds(300), "disabling waits for the request")
            #expect(try await slow.value.status == 200)
            #expect(try await daemon.probe.get("/system_stats").status == 404)
        }
    }

    @Test("the command line switches a plugin of a running daemon, and of a file nobody runs")
    func commandLine() async throws {
        try await withDaemon(Self.both) { daemon in
            let file = daemon.directory.file("comfyd.yaml")
            let off = try await comfyd(
                "plugin", "disable", "simulator", "--config", file, "--state-dir", daemon.directory.file("state"),
                "--listen", "127.0.0.1:\(daemon.port)", directory: daemon.directory.path)
            #expect(off.status == .code(0), "\(off)")
            try await eventually("the simulator is off") {
                try await daemon.probe.get("/system_stats").status == 404
            }
            #expect(try await daemon.terminate() == .code(0))
            let on = try await comfyd("plugin", "enable", "simulator", "--config", file, directory: daemon.directory.path)
            #expect(on.status == .code(0), "\(on)")
            let again = try await DaemonProcess.start(nil, in: daemon.directory)
            defer { again.end() }
            #expect(try await again.probe.get("/system_stats").status == 200)
        }
    }

    @Test("SIGHUP applies a changed file and leaves unchanged plugins alone")
    func reload() async throws {
        try await withDaemon(Self.both) { daemon in
            let load = LoadGenerator(
                threads: 2, port: daemon.port, keepAlive: false, HTTPRequest(target: "/api/workers"))
            try await load.answers(10)
            let changed = "plugins: { gateway: {}, simulator: { checkpoints: [fresh.safetensors] } }"
            try daemon.directory.write("comfyd.yaml", changed)
            let mark = daemon.log.lines.count
            daemon.send(signal: SIGHUP)
            try await eventually("the new checkpoint is offered\n\(daemon.tail)") {
                try await daemon.probe.get("/models/checkpoints").json == ["fresh.safetensors"]
            }
            try await load.answers(10)
            #expect(try await load.stop() == [])
            #expect(daemon.log.lines(from: mark, with: "plugin started", "gateway").isEmpty)
            #expect(daemon.log.lines(from: mark, with: "plugin started", "simulator").count == 1)
        }
    }

    @Test("a broken file is refused at SIGHUP with every problem, and the old configuration goes on")
    func brokenReload() async throws {
        try await withDaemon(Self.both) { daemon in
            try daemon.directory.write(
                "comfyd.yaml", "limits: { connections: none }\nplugins: { gateway: { max_attempts: 0 }, simulator: {} }")
            let mark = daemon.log.lines.count
            daemon.send(signal: SIGHUP)
            try await daemon.logged(from: mark, "connections")
            try await daemon.logged(from: mark, "max_attempts")
            #expect(try await daemon.probe.get("/api/workers").status == 200)
            #expect(try await daemon.probe.get("/system_stats").status == 200)
            let answer = try await daemon.admin.post("/api/admin/reload", [:])
            #expect(answer.status == 409)
            #expect(answer.text.contains("connections") && answer.text.contains("max_attempts"))
            try daemon.directory.write("comfyd.yaml", Self.both)
            #expect(try await daemon.admin.post("/api/admin/reload", [:]).status == 200)
        }
    }
}
