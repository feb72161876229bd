import PluginAPI
import Testing

@Suite("the disk fills up")
struct FullDiskTests {
    /// What is submitted while there is no space: large, so that room left in files does not last.
    private static func large(_ number: Int) -> JSON {
        var graph = Workflow.image("large-\(number)", color: 1000 + number)
        graph["2"] = [
            "class_type": "PrimitiveString", "inputs": ["value": .string(String(repeating: "x", count: 300_000))],
        ]
        return graph
    }

    @Test(
        "what was accepted ends well, what cannot be kept is refused, and all goes on without a restart",
        arguments: FullDisk.State.allCases)
    func full(_ state: FullDisk.State) async throws {
        let directory = try TemporaryDirectory()
        directory.folder("state")
        let disk = try await FullDisk(folder: directory.file("state"), flag: directory.file("full"))
        try await withCluster(
            servers: 2, gateway: "health_interval: 250ms\nqueue_cache_ttl: 250ms", in: directory,
            environment: disk.environment
        ) { cluster in
            let (pid, probe) = (cluster.gateway.pid, cluster.probe)
            let finished = try await cluster.submit(Workflow.image("before"))
            try await cluster.ended(finished)
            var accepted: [String] = []
            for number in 0..<8 {
                accepted.append(try await cluster.submit(Workflow.slow("slow-\(number)", seconds: 0.7, color: number)))
            }
            // Behind the others, here in the gateway.
            let last = try await cluster.queue(Workflow.image("last"), priority: -1)

            try disk.fill(state)
            let refused = try await Self.fillUp(cluster, &accepted)
            #expect(!refused.isEmpty, "the disk was never full")
            // The servers go on; their results cannot be stored now.
            try await eventually("both servers ended something") {
                try cluster.servers.allSatisfy { try !$0.runs.prompts("ended").filter { $0 != finished }.isEmpty }
            }
            #expect(try await cluster.status(finished)["status"] == "done")
            #expect(try await cluster.history(finished)?["outputs"]?["9"] != nil)
            for id in accepted {
                let status = try await cluster.status(id)
                #expect(["queued", "running", "done"].contains(status["status"]?.stringValue), "\(status)")
            }
            #expect(try await cluster.gatewayJob(last)["status"] == "queued")
            for target in ["/api/workers", "/api/queue", "/health/live"] {
                #expect(try await probe.get(target).status == 200, "\(target)")
            }
            try await eventually("the daemon says that it is not ready") {
                try await probe.get("/health/ready").status == 503
            }

            disk.makeRoom()
            try await cluster.gatewayJob(last, becomes: "done")
            for id in accepted { #expect(try await cluster.ended(id)["status"] == "done") }
            for id in accepted { #expect(try await cluster.history(id)?["outputs"]?["9"] != nil) }
            for id in refused.keys {
                #expect(try await probe.get("/api/task/\(id)/status").status == 404, "\(id) was refused")
            }
            try await eventually("the daemon is ready again") { try await probe.get("/health/ready").status == 200 }
            // Sent again, as clients do, the refused ones are run; none ran before or twice.
            for body in refused.values { #expect(try await probe.post("/api/prompt", body).status == 200) }
            for id in refused.keys { #expect(try await cluster.ended(id)["status"] == "done") }
            let starts = try cluster.runs("started")
            for id in accepted + refused.keys { #expect(starts[id] == 1, "\(id) ran \(starts[id] ?? 0) times") }
            #expect(cluster.gateway.pid == pid)
            #expect(cluster.gateway.isRunning)
        }
    }

    /// Submits, every other time with a priority, until some were refused; gives their bodies by id.
    private static func fillUp(_ cluster: Cluster, _ accepted: inout [String]) async throws -> [String: JSON] {
        var refused: [String: JSON] = [:]
        for number in 0..<200 where refused.count < 6 {
            let id = "00000000-0000-4000-8000-\(100_000_000_000 + number)"
            var body: JSON = ["prompt": large(number), "prompt_id": .string(id)]
            if number % 2 == 1 { body["priority"] = 3 }
            let answer = try await cluster.probe.post("/api/prompt", body)
            if answer.status == 200 {
                accepted.append(id)
                continue
            }
            refused[id] = body
            #expect([503, 507].contains(answer.status), "\(answer)")
            #expect(answer["retry-after"].flatMap { Int($0) } ?? 0 > 0, "\(answer)")
            #expect(answer.json["detail"]?.stringValue?.isEmpty == false, "\(answer)")
            #expect(answer.json["code"]?.stringValue?.hasPrefix("storage.") == true, "\(answer)")
        }
        return refused
    }
}
