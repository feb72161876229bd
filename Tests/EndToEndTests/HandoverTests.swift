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

    @Test("SIGTERM during a hand-over ends old and new process, and cuts no request")
    func terminated() async throws {
        try await withDaemon("plugins: { simulator: {} }") { daemon in
            let load = LoadGenerator(
                threads: 1, port: daemon.port, keepAlive: true, HTTPRequest(target: "/health/live"))
            try await load.answers(10)
            let mark = daemon.log.lines.count
            let old = try #require(daemon.pids.last)
            kill(old, SIGUSR2)
            try await daemon.logged(from: mark, "handing over")
            // Refused connections are what an end looks like; an answer that was begun must arrive.
            _ = try await load.stop()
            kill(old, SIGTERM)
            try await eventually("both processes end\n\(daemon.tail)", within: 30) { daemon.pids.isEmpty }
            #expect(try await daemon.exitStatus() == .code(0))
        }
    }

    @Test("a hand-over runs the file that an upgrade put in the old one's place")
    func upgrade() async throws {
        let folder = try TemporaryDirectory()
        for name in ["comfyd", "libPluginAPI.so", "libSimulator.so"] {
            _ = try await run("cp", [Places.binaries + "/" + name, folder.file(name)])
        }
        try folder.write("comfyd.yaml", "plugins: { simulator: {} }")
        try await withSlots(1) {
            let daemon = try await DaemonProcess.start(nil, in: folder, program: folder.file("comfyd"))
            defer { daemon.end() }
            _ = try await run("cp", [Places.comfyd, folder.file("new")])
            #expect(rename(folder.file("new"), folder.file("comfyd")) == 0)
            let before = daemon.pids
            daemon.send(signal: SIGUSR2)
            let now = try await eventually("a new process serves alone\n\(daemon.tail)", within: 30) {
                let now = daemon.pids
                return now.count == 1 && now != before ? now[0] : nil
            }
            #expect(Files.target(ofLink: "/proc/\(now)/exe") == folder.file("comfyd"))
            #expect(try await daemon.probe.get("/queue").status == 200)
        }
    }
}
