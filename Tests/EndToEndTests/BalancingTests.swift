import PluginAPI
import Testing

@Suite("balancing over several servers")
struct BalancingTests {
    @Test("a burst of twenty jobs spreads over both servers, all finish, and the queue view counts them")
    func burst() async throws {
        try await withCluster(servers: 2) { cluster in
            let ids = try await concurrently(Array(0..<20)) { number in
                try await cluster.submit(Workflow.slow("burst-\(number)", seconds: 0.1, steps: 2, color: number))
            }
            #expect(Set(ids).count == 20)
            let queue = try await cluster.probe.get("/api/queue").json
            #expect(queue["workers"]?.arrayValue?.count == 2)

            for id in ids {
                let status = try await cluster.ended(id)
                #expect(status["status"] == "done", "\(status)")
                #expect(try await cluster.history(id)?["outputs"]?["9"]?["images"]?[0]?["url"] != nil)
            }
            // The balancer counts what it has just sent: a burst within one queue reading must not go to one server.
            for server in cluster.servers {
                let count = try await server.history().count
                #expect((8...12).contains(count), "\(server.name) ran \(count) of 20")
            }
        }
    }

    @Test("the queue view names running and waiting prompts by id, in the order they will run")
    func queueView() async throws {
        try await withCluster(servers: 1, gateway: "max_in_flight: 4") { cluster in
            var ids: [String] = []
            for number in 0..<4 {
                ids.append(try await cluster.submit(Workflow.slow("q-\(number)", seconds: 1, color: number)))
            }
            let queue = try await eventually("one runs, three wait") {
                let queue = try await cluster.probe.get("/api/queue").json
                return queue["total_running"] == 1 && queue["total_pending"] == 3 ? queue : JSON?.none
            }
            let entries = try #require(queue["gateway_queue"]?.arrayValue)
            #expect(entries.map { $0["prompt_id"]?.stringValue } == ids)
            #expect(entries.map { $0["status"]?.stringValue } == ["running", "pending", "pending", "pending"])
            #expect(entries.map { $0["position"]?.intValue } == [1, 1, 2, 3])
            #expect(queue["queue_running"]?[0]?[1]?.stringValue == ids[0])
            for id in ids { try await cluster.ended(id) }
        }
    }

    @Test("a disabled worker gets no more jobs and finishes those it has")
    func disabled() async throws {
        try await withCluster(servers: 2) { cluster in
            let workers = try #require(try await cluster.probe.get("/api/workers").json["workers"]?.arrayValue)
            let first = try #require(workers[0]["worker_id"]?.stringValue)
            let before = try await cluster.submit(Workflow.slow("before", seconds: 0.5))
            for worker in workers where worker["worker_id"]?.stringValue == first {
                let answer = try await cluster.probe.send(
                    "PATCH", "/api/workers/\(first)", body: Array(#"{"enabled":false}"#.utf8))
                #expect(answer.status == 200)
            }
            let had = try await cluster.servers[0].probe.get("/prompt").json["exec_info"]?["queue_remaining"]?.intValue
            for number in 0..<6 { try await cluster.ended(try await cluster.submit(Workflow.image("after-\(number)"))) }
            try await cluster.ended(before)
            #expect(try await cluster.servers[0].history().count == had)
            #expect(try await cluster.servers[1].history().count == 7 - (had ?? 0))
        }
    }
}
