import Glibc
import PluginAPI
import Testing

@Suite("switching plugins while the daemon runs")
struct SwitchingTests {
    private static func configuration(word: String = "first") async throws -> String {
        """
        plugins:
          gateway: {}
          second:
            # a comment of the operator
            file: \(try await FixturePlugin.path)
            word: \(word)
        """
    }

    @Test("disabling and enabling one plugin by the admin API fails no request on the other")
    func adminAPI() async throws {
        try await withDaemon(try await Self.configuration()) { daemon in
            let load = LoadGenerator(
                threads: 2, port: daemon.port, keepAlive: true, HTTPRequest(target: "/api/workers"))
            for _ in 0..<3 {
                #expect(try await daemon.probe.get("/api/second/word").text == "first")
                let off = try await daemon.admin.post("/api/admin/plugins/second/disable", [:])
                #expect(off.status == 200, "\(off)")
                #expect(try await daemon.probe.get("/api/second/word").status == 404)
                try await load.answers(20)
                let on = try await daemon.admin.post("/api/admin/plugins/second/enable", [:])
                #expect(on.status == 200, "\(on)")
                #expect(on.json["state"] == "running")
                try await load.answers(20)
            }
            #expect(try await load.stop() == [])
            let text = try Files.text(daemon.directory.file("comfyd.yaml"))
            #expect(text.contains("# a comment of the operator"), "the rest of the file stays:\n\(text)")
            #expect(try await daemon.probe.post("/api/admin/plugins/second/disable", [:]).status == 401)
            #expect(try await daemon.admin.post("/api/admin/plugins/nosuch/enable", [:]).status == 404)
        }
    }

    @Test("a request inside a plugin that is being disabled is finished")
    func inFlight() async throws {
        try await withDaemon(try await Self.configuration()) { daemon in
            let slow = Task { try await daemon.probe.get("/api/second/slow/1000") }
            try await Task.sleep(for: .milliseconds(300))
            let start = ContinuousClock.now
            let off = try await daemon.admin.post("/api/admin/plugins/second/disable", [:])
            #expect(off.status == 200)
            #expect(ContinuousClock.now - start > .milliseconds(300), "disabling waits for the request")
            #expect(try await slow.value.text == "awake")
            #expect(try await daemon.probe.get("/api/second/word").status == 404)
        }
    }

    @Test("the command line switches a plugin in the file, and SIGHUP makes the daemon follow")
    func commandLine() async throws {
        try await withDaemon(try await Self.configuration()) { daemon in
            let file = daemon.directory.file("comfyd.yaml")
            for (verb, status) in [("disable", 404), ("enable", 200)] {
                let result = try await comfyd(
                    "plugin", verb, "second", "--config", file, directory: daemon.directory.path)
                #expect(result.status == .code(0), "\(result)")
                daemon.send(signal: SIGHUP)
                try await eventually("\(verb) is followed\n\(daemon.tail)") {
                    try await daemon.probe.get("/api/second/word").status == status
                }
            }
            #expect(try await daemon.terminate() == .code(0))
        }
    }

    @Test("SIGHUP applies a changed file and leaves unchanged plugins alone")
    func reload() async throws {
        try await withDaemon(try await Self.configuration()) { daemon in
            let load = LoadGenerator(
                threads: 2, port: daemon.port, keepAlive: false, HTTPRequest(target: "/api/workers"))
            try await load.answers(10)
            try daemon.directory.write("comfyd.yaml", try await Self.configuration(word: "fresh"))
            let mark = daemon.log.lines.count
            daemon.send(signal: SIGHUP)
            try await eventually("the new word is said\n\(daemon.tail)") {
                try await daemon.probe.get("/api/second/word").text == "fresh"
            }
            try await load.answers(10)
            #expect(try await load.stop() == [])
            #expect(daemon.log.lines(from: mark, with: "plugin started", "gateway").isEmpty)
            #expect(daemon.log.lines(from: mark, with: "plugin started", "second").count == 1)
        }
    }

    @Test("a broken file is refused at SIGHUP with every problem, and the old configuration goes on")
    func brokenReload() async throws {
        try await withDaemon(try await Self.configuration()) { daemon in
            let broken = try await FixturePlugin.section("wrd: x")
            try daemon.directory.write(
                "comfyd.yaml", "limits: { connections: none }\nplugins: { gateway: { max_attempts: 0 }, \(broken) }")
            let mark = daemon.log.lines.count
            daemon.send(signal: SIGHUP)
            for words in ["connections", "max_attempts", "word"] { try await daemon.logged(from: mark, words) }
            #expect(try await daemon.probe.get("/api/workers").status == 200)
            #expect(try await daemon.probe.get("/api/second/word").text == "first")
            let answer = try await daemon.admin.post("/api/admin/reload", [:])
            #expect(answer.status == 409)
            for words in ["connections", "max_attempts", "word"] { #expect(answer.text.contains(words)) }
            try daemon.directory.write("comfyd.yaml", try await Self.configuration())
            #expect(try await daemon.admin.post("/api/admin/reload", [:]).status == 200)
        }
    }
}
