import PluginAPI
import Testing

@Suite("flows of n8n, over plain HTTP nodes")
struct N8nFlowTests {
    @Test("the credential is tested with GET /api/workers")
    func credential() async throws {
        try await withCluster(servers: 1) { cluster in
            let answer = try await cluster.probe.get("/api/workers")
            #expect(answer.status == 200)
            #expect(answer["content-type"]?.hasPrefix("application/json") == true)
            #expect(answer.json["workers"]?.arrayValue?.count == 1)
        }
    }

    @Test("submit, poll the status until done or failed, read the history's first key, fetch the images")
    func plain() async throws {
        try await withCluster(servers: 1) { cluster in
            let submitted = try await cluster.probe.post(
                "/api/prompt",
                ["prompt": Workflow.slow("n8n", seconds: 0.3), "client_id": "n8n-\(cluster.gateway.pid)"])
            #expect(submitted.status == 200)
            let id = try #require(submitted.json["prompt_id"]?.stringValue)
            try await Self.finish(id, "done", cluster)
        }
    }

    @Test("with a priority the flow waits while prompt_id is empty, and goes on as the other")
    func priority() async throws {
        try await withCluster(servers: 1) { cluster in
            // One server that takes two jobs ahead: the later ones wait in the gateway.
            var jobs: [String] = []
            for number in 0..<6 {
                let graph = Workflow.slow("n8n-\(number)", seconds: 0.2, color: number)
                jobs.append(try await cluster.queue(graph, priority: 10))
            }
            let last = try #require(jobs.last)
            let waiting = try await cluster.gatewayJob(last)
            #expect(waiting["status"] == "queued")
            #expect(waiting["prompt_id"]?.isNull == true, "\(waiting)")
            for job in jobs {
                let id = try await eventually("\(job) has a prompt_id") {
                    try await cluster.gatewayJob(job)["prompt_id"]?.stringValue
                }
                try await Self.finish(id, "done", cluster)
                #expect(try await cluster.gatewayJob(job)["status"] == "done")
            }
        }
    }

    @Test("a flow ends on failed too, with and without priority")
    func failure() async throws {
        try await withCluster(servers: 1) { cluster in
            var graph = Workflow.image("n8n-fails")
            graph["5"] = ["class_type": "LabRaise", "inputs": ["image": ["1", 0], "message": "no ink", "nonce": 1]]
            graph["9"] = ["class_type": "SaveImage", "inputs": ["images": ["5", 0], "filename_prefix": "f"]]
            let id = try await cluster.submit(graph)
            #expect(try await Self.poll(id, cluster)["status"] == "failed")
            // A graph that no server takes: its caller has had its answer, so the job says so.
            graph["5"] = ["class_type": "NoSuchNode", "inputs": [:]]
            let ended = try await cluster.gatewayJob(try await cluster.queue(graph, priority: 1), becomes: "failed")
            #expect(ended["error"]?.stringValue?.isEmpty == false, "\(ended)")
        }
    }

    /// The nodes after the submit.
    private static func finish(_ id: String, _ expected: JSON, _ cluster: Cluster) async throws {
        let status = try await poll(id, cluster)
        #expect(status["status"] == expected, "\(status)")
        #expect(status["progress"] == 100)
        let history = try await cluster.probe.get("/api/history/\(id)")
        #expect(history.status == 200)
        // As the templates do it: the first key, whatever it is.
        let first = (history.json.objectValue?.keys).flatMap { Array($0).first }
        let outputs = first.flatMap { history.json[$0]?["outputs"]?.objectValue } ?? [:]
        let images = outputs.flatMap { $0.value["images"]?.arrayValue ?? [] }
        #expect(!images.isEmpty)
        for image in images {
            let file = try await cluster.fetch(link: try #require(image["url"]?.stringValue))
            #expect(file.status == 200)
            #expect(file["content-type"] == "image/png")
            #expect(file.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        }
    }

    private static func poll(_ id: String, _ cluster: Cluster) async throws -> JSON {
        try await eventually("\(id) ends") { () -> JSON? in
            let answer = try await cluster.probe.get("/api/task/\(id)/status")
            #expect(answer.status == 200)
            let status = answer.json["status"]?.stringValue ?? ""
            #expect(["queued", "running", "done", "failed"].contains(status), "\(answer)")
            return ["done", "failed"].contains(status) ? answer.json : JSON?.none
        }
    }
}
