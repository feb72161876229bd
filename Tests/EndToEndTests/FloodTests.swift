import PluginAPI
import Testing

@Suite("one caller floods the gateway, another wants one job done")
struct FloodTests {
    /// What tells two callers apart.
    enum Callers: String, Sendable, CaseIterable {
        case clientIDs = "client ids"
        case apiKeys = "API keys"
        case clientIDsWithPriority = "client ids, with a priority that both give"
    }

    /// Jobs of the caller that floods.
    private static let flood = 1000
    /// Jobs that a server may begin between the other caller's submit and the start of its job.
    private static let allowance = 2

    @Test(
        "the other's job starts after at most two more per server",
        arguments: Callers.allCases, [1, 2])
    func newcomer(_ callers: Callers, servers: Int) async throws {
        // Each graph has two nodes: a job takes 100 ms.
        try await withCluster(servers: servers, settings: "node_delay: 50ms") { cluster in
            let flooding = try await Caller("flooding", callers, cluster)
            let modest = try await Caller("modest", callers, cluster)
            try await flooding.submit(Array(0..<Self.flood))
            try await eventually("the flood is being worked on") { try cluster.startCounts().allSatisfy { $0 >= 5 } }

            let id = "00000000-0000-4000-8000-000000000001"
            try await modest.submit([Self.flood], promptID: id)
            let before = try cluster.startCounts()
            #expect(before.reduce(0, +) < Self.flood / 2, "the flood was over too early to prove anything")
            try await eventually("the modest caller's job starts") { try cluster.runs("started")[id] == 1 }
            for (earlier, before) in zip(try cluster.startCounts(before: id), before) {
                #expect(earlier - before <= Self.allowance, "a server began \(earlier - before) others")
            }
            #expect(try await cluster.ended(id)["status"] == "done")
        }
    }

    /// Somebody who submits.
    private struct Caller {
        private let port: UInt16
        private let fields: [(String, String)]
        private let clientID: String
        private let priority: Int?
        private static let connections = 8

        init(_ name: String, _ callers: Callers, _ cluster: Cluster) async throws {
            port = cluster.gateway.port
            priority = callers == .clientIDsWithPriority ? 5 : nil
            clientID = callers == .apiKeys ? "the same" : name
            guard callers == .apiKeys else {
                fields = []
                return
            }
            let key = try await cluster.gateway.admin.post(
                "/api/admin/tokens", ["name": .string(name), "scopes": ["jobs"]])
            let token = try #require(key.json["token"]?.stringValue, "\(key)")
            fields = [("Authorization", "Bearer \(token)")]
        }

        /// Submits jobs over some connections.
        func submit(_ numbers: [Int], promptID: String? = nil) async throws {
            _ = try await concurrently(Array(0..<Self.connections)) { lane in
                let mine = stride(from: lane, to: numbers.count, by: Self.connections).map { numbers[$0] }
                try await onThread { try self.submitInOrder(mine, promptID) }
            }
        }

        private func submitInOrder(_ numbers: [Int], _ promptID: String?) throws {
            let wire = try HTTPWire(port: port, timeout: 20 * Places.patience)
            for number in numbers {
                var body: JSON = [
                    "prompt": Workflow.image("flood-\(number)", color: number), "client_id": .string(clientID),
                ]
                if let priority { body["priority"] = .number(JSONNumber(priority)) }
                if let promptID { body["prompt_id"] = .string(promptID) }
                let request = HTTPRequest(
                    method: "POST", target: "/api/prompt", fields: fields, body: body.serialized(), keepAlive: true)
                let answer = try wire.exchange(request)
                guard answer.status == 200 else { throw Refused(answer: answer) }
            }
        }
    }
}

private extension Cluster {
    /// How many prompts each server has started, up to one of them if it is given.
    func startCounts(before id: String? = nil) throws -> [Int] {
        let lines = try servers.map { try $0.runs.lines.filter { $0.step == "started" } }
        let end = lines.joined().first { $0.promptID == id }?.time ?? .max
        return lines.map { lines in lines.count { $0.time <= end && $0.promptID != id } }
    }
}
