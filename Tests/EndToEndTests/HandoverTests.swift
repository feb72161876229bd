import Glibc
import PluginAPI
import Testing

@Suite("hand-over to a new process")
struct HandoverTests {
    @Test("SIGUSR2 under load fails no request, changes the process, and jobs go on")
    func underLoad() async throws {
        try await withCluster(servers: 1) { cluster in
            let daemon = cluster.gateway
            let port = daemon.port
            let kept = LoadGenerator(threads: 2, port: port, keepAlive: true, HTTPRequest(target: "/api/workers"))
            let fresh = LoadGenerator(threads: 2, port: port, keepAlive: false, HTTPRequest(target: "/health/live"))
            var ids: [String] = []
            for number in 0..<3 {
                ids.append(try await cluster.submit(Workflow.slow("over-\(number)", seconds: 0.6, color: number)))
            }
            for turn in 0..<2 {
                try await fresh.answers(30)
                let before = try #require(daemon.pids.last)
                daemon.send(signal: SIGUSR2)
                ids.append(try await cluster.submit(Workflow.slow("during-\(turn)", seconds: 0.3, color: 10 + turn)))
                try await eventually("a new process serves alone\n\(daemon.tail)", within: 30) {
                    let now = daemon.pids
                    return now.count == 1 && now.first != before
                }
                try await kept.answers(30)
                try await fresh.answers(30)
            }
            for id in ids { #expect(try await cluster.ended(id)["status"] == "done") }
            #expect(try await kept.stop() == [])
            #expect(try await fresh.stop() == [])
            let history = try await cluster.servers[0].history()
            let numbers = history.values.compactMap { $0["prompt"]?[0]?.intValue }
            #expect((numbers.max() ?? -1) + 1 == ids.count, "a job was sent twice: \(numbers)")
        }
    }

    @Test("a submit sent during a hand-over is answered, each on a connection of its own")
    func submits() async throws {
        try await withCluster(servers: 1) { cluster in
            let body = JSON.object(["prompt": Workflow.image("submits")]).serialized()
            let load = LoadGenerator(
                threads: 3, port: cluster.gateway.port, keepAlive: false,
                HTTPRequest(method: "POST", target: "/api/prompt", body: body))
            try await load.answers(10)
            let before = try #require(cluster.gateway.pids.last)
            cluster.gateway.send(signal: SIGUSR2)
            try await eventually("a new process serves alone\n\(cluster.gateway.tail)", within: 30) {
                let now = cluster.gateway.pids
                return now.count == 1 && now.first != before
            }
            try await load.answers(10)
            #expect(try await load.stop() == [])
        }
    }

    @Test("a new process that cannot start leaves the old one serving")
    func failing() async throws {
        try await withDaemon("plugins: { simulator: {} }") { daemon in
            let pid = daemon.pids
            let load = LoadGenerator(
                threads: 2, port: daemon.port, keepAlive: true, HTTPRequest(target: "/health/live"))
            try daemon.directory.write("comfyd.yaml", "plugins: { simulator: { fail_rate: 7 } }")
            let mark = daemon.log.lines.count
            daemon.send(signal: SIGUSR2)
            try await daemon.logged(from: mark, "fail_rate")
            try await load.answers(50)
            try await eventually("the new process is gone") { daemon.pids == pid }
            #expect(try await load.stop() == [])

            try daemon.directory.write("comfyd.yaml", "plugins: { simulator: {} }")
            daemon.send(signal: SIGUSR2)
            try await eventually("a later hand-over works\n\(daemon.tail)", within: 30) {
                let now = daemon.pids
                return now.count == 1 && now != pid
            }
            #expect(try await daemon.probe.get("/queue").status == 200)
        }
    }

    @Test("a new address that cannot be bound, or a certificate that is none, leaves the old process serving")
    func failingListeners() async throws {
        try await withDaemon("plugins: { simulator: {} }") { other in
            let folder = try TemporaryDirectory()
            try folder.write("comfyd.yaml", "listen: [\"127.0.0.1:0\"]\nplugins: { simulator: {} }")
            let daemon = try await DaemonProcess.start(nil, in: folder, overridesListen: false)
            defer { daemon.end() }
            let pid = daemon.pids
            let load = LoadGenerator(
                threads: 1, port: daemon.port, keepAlive: false, HTTPRequest(target: "/health/live"))
            try folder.write("bad.pem", "no certificate")
            for (listener, words) in [
                ("\"127.0.0.1:\(other.port)\"", "in use"),
                ("{ address: \"127.0.0.1:0\", certificate: bad.pem, key: bad.pem }", "listen 127.0.0.1"),
            ] {
                try folder.write(
                    "comfyd.yaml", "listen: [\"127.0.0.1:0\", \(listener)]\nplugins: { simulator: {} }")
                let mark = daemon.log.lines.count
                daemon.send(signal: SIGUSR2)
                try await daemon.logged(from: mark, "cannot start", words)
                try await daemon.logged(from: mark, "staying")
                try await eventually("the new process is gone") { daemon.pids == pid }
                try await load.answers(10)
            }
            #expect(try await load.stop() == [])
        }
    }

    @Test("addresses that were changed after the start are those of the new process")
    func changedAddress() async throws {
        let folder = try TemporaryDirectory()
        func write(_ address: String) throws {
            try folder.write("comfyd.yaml", "listen: [\"\(address)\"]\nplugins: { simulator: {} }")
        }
        try await withSlots(1) {
            try write("127.0.0.1:0")
            let daemon = try await DaemonProcess.start(nil, in: folder, overridesListen: false)
            defer { daemon.end() }
            let old = daemon.port
            let pid = daemon.pids
            try write("127.0.0.2:0")
            let mark = daemon.log.lines.count
            daemon.send(signal: SIGHUP)
            try await daemon.logged(from: mark, "need a restart", "listen")
            daemon.send(signal: SIGUSR2)
            try await daemon.logged(from: mark, "listening", "127.0.0.2:")
            try await eventually("the old process is gone") {
                let now = daemon.pids
                return now.count == 1 && now != pid
            }
            await #expect(throws: ProbeError.self) { try await HTTPProbe(port: old).get("/health/live") }
        }
    }

    @Test("SIGTERM during a hand-over ends both processes in order, with the request in flight finished")
    func terminated() async throws {
        try await withDaemon("plugins: { \(try await FixturePlugin.section()) }") { daemon in
            let probe = daemon.probe
            let pid = daemon.pid
            let slow = Task { try await probe.get("/api/second/slow/2500") }
            try await Task.sleep(for: .milliseconds(300))
            kill(pid, SIGUSR2)
            try await daemon.logged("handing over")
            // By now the old one waits for the request; earlier, it would for the new one.
            try await Task.sleep(for: .milliseconds(500))
            kill(pid, SIGTERM)
            #expect(try await slow.value.text == "awake")
            #expect(try await daemon.exitStatus() == .code(0))
            try await eventually("nothing is left\n\(daemon.tail)") { daemon.pids.isEmpty }
        }
    }

    @Test("a hand-over starts the executable that is there now, not the one that was replaced")
    func replacedExecutable() async throws {
        let folder = try TemporaryDirectory()
        _ = try await run(
            "sh",
            ["-c", "ln -s \(Places.binaries)/*.so \(folder.path)/ && cp \(Places.comfyd) \(folder.file("comfyd"))"])
        try folder.write("comfyd.yaml", "plugins: { simulator: {} }")
        try await withSlots(1) {
            let daemon = try await DaemonProcess.start(nil, in: folder, executable: folder.file("comfyd"))
            defer { daemon.end() }
            let pid = daemon.pids
            _ = try await run(
                "sh", ["-c", "cd \(folder.path) && cp comfyd new && mv new comfyd"])
            daemon.send(signal: SIGUSR2)
            try await eventually("a new process serves alone\n\(daemon.tail)", within: 30) {
                let now = daemon.pids
                return now.count == 1 && now != pid
            }
            let new = try #require(daemon.pids.first)
            let link = try await run("readlink", ["/proc/\(new)/exe"])
            #expect(!link.output.contains("deleted"), "\(link)\n\(daemon.tail)")
        }
    }

    @Test("signals for the new process wait until it serves: none kills it or starts its plugins too early")
    func earlySignals() async throws {
        try await withDaemon("plugins: { \(try await FixturePlugin.section()) }") { daemon in
            let probe = daemon.probe
            let old = daemon.pid
            let slow = Task { try await probe.get("/api/second/slow/1500") }
            try await Task.sleep(for: .milliseconds(300))
            let mark = daemon.log.lines.count
            kill(old, SIGUSR2)
            let new = try await eventually("there is a new process") { daemon.pids.first { $0 != old } }
            for _ in 0..<20 {
                kill(new, SIGHUP)
                kill(new, SIGUSR2)
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(daemon.log.lines(from: mark, with: "plugin started").isEmpty, "the old one has not ended yet")
            #expect(try await slow.value.text == "awake")
            try await eventually("the new process serves alone\n\(daemon.tail)", within: 30) { daemon.pids == [new] }
            try await daemon.logged(from: mark, "configuration applied")
            #expect(try await probe.get("/api/second/word").text == "first")
        }
    }
}
