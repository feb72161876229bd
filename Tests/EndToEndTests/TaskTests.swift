import PluginAPI
import Testing

@Suite("tasks over the wire")
struct TaskTests {
    private func stream(_ cluster: Cluster, _ id: String, for seconds: Double) async throws -> (String, ended: Bool) {
        let request = HTTPRequest(target: "/api/task/\(id)/events")
        let (bytes, ended) = try await cluster.probe.raw(
            request.bytes(port: cluster.gateway.port), timeout: seconds * Places.patience)
        // In Swift, CR LF is one character.
        return (String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n"), ended)
    }

    private func followers(_ cluster: Cluster) async throws -> String? {
        let lines = try await cluster.probe.get("/metrics").text.split(separator: "\n")
        return lines.first { $0.hasPrefix("comfyd_gateway_followers ") }?.split(separator: " ").last.map { String($0) }
    }

    @Test("events of a job arrive as they happen and end with it; its story names the server")
    func events() async throws {
        try await withCluster(servers: 1) { cluster in
            let id = try await cluster.submit(Workflow.slow("events", seconds: 1, steps: 5))
            let (text, ended) = try await stream(cluster, id, for: 20)
            #expect(ended)
            let names = text.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) }
            #expect(names.first == "state" && names.last == "state", "\(text)")
            for name in ["executing", "progress", "executed"] {
                #expect(names.contains { $0 == name }, "\(name)")
            }
            let last = text.split(separator: "\n").last { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
            #expect(try JSON(parsing: last ?? "")["status"] == "done")
            let story = try await cluster.probe.get("/api/task/\(id)/explain").json
            #expect(story["events"]?.arrayValue?.compactMap { $0["state"]?.stringValue }.last == "done")
            #expect(story["events"]?[1]?["candidates"]?[0]?["name"] == "sim-1")
            #expect(try await cluster.probe.get("/api/tasks?state=done").json["total"] == 1)
        }
    }

    @Test("a client that goes away leaves no stream behind, and a stopping daemon ends those that stay")
    func leaving() async throws {
        try await withCluster(servers: 1) { cluster in
            let id = try await cluster.submit(Workflow.slow("leaving", seconds: 60, steps: 1))
            async let short = stream(cluster, id, for: 2)
            _ = try await eventually("the stream is counted") {
                try await followers(cluster) == "1" ? true : nil
            }
            #expect(try await short.ended == false)
            _ = try await eventually("it is gone") { try await followers(cluster) == "0" ? true : nil }
            async let long = stream(cluster, id, for: 20)
            _ = try await eventually("another one is counted") {
                try await followers(cluster) == "1" ? true : nil
            }
            try await cluster.gateway.terminate()
            #expect(try await long.ended)
        }
    }

    @Test("a running job is interrupted on its server, one that waits is taken out of the queue")
    func cancelling() async throws {
        try await withCluster(servers: 1) { cluster in
            let running = try await cluster.submit(Workflow.slow("running", seconds: 30))
            _ = try await eventually("it runs") {
                try await cluster.status(running)["status"] == "running" ? true : nil
            }
            let graph = Workflow.slow("waiting", seconds: 30, color: 2)
            let queued = try await cluster.probe.post("/api/prompt", ["prompt": graph, "priority": 5]).json
            let job = try #require(queued["gateway_job_id"]?.stringValue)
            #expect(try await cluster.probe.send("DELETE", "/api/task/\(job)").status == 200)
            #expect(try await cluster.ended(job)["status"] == "failed")
            #expect(try await cluster.probe.send("DELETE", "/api/task/\(running)").status == 200)
            #expect(try await cluster.ended(running, within: 10)["status"] == "failed")
            #expect(try await cluster.probe.get("/api/task/\(running)").json["state"] == "cancelled")
            #expect(try await cluster.probe.send("DELETE", "/api/task/\(running)").status == 409)
        }
    }
}
