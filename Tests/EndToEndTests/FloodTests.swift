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
            try await concurrently(Array(0..<8)) { lane in
                try await flooding.submit(stride(from: lane, to: Self.flood, by: 8).map { $0 })
            }
            try await eventually("the flood is being worked on") {
                try cluster.servers.allSatisfy { try $0.runs.prompts("started").count >= 5 }
            }

            let id = "00000000-0000-4000-8000-000000000001"
            try await modest.submit([Self.flood], promptID: id)
            let before = try cluster.servers.map { try $0.runs.prompts("started").count }
            #expect(before.reduce(0, +) < Self.flood / 2, "the flood was over too early to prove anything")
            try await eventually("the modest caller's job starts", within: 60) { try cluster.starts()[id] == 1 }
            let place = try #require(
                try cluster.servers.flatMap { try $0.runs.lines }.first { $0.promptID == id && $0.step == "started" })
            for (server, count) in zip(cluster.servers, before) {
                let earlier = try server.runs.lines.filter {
                    $0.step == "started" && $0.time <= place.time && $0.promptID != id
                }
                #expect(earlier.count - count <= Self.allowance, "\(server.name) began \(earlier.count - count) others")
            }
            #expect(try await cluster.ended(id)["status"] == "done")
        }
    }

    /// Somebody who submits.
    private struct Caller {
        private let port: UInt16
        private let fields: [(String, String)]
        private let clientID: String
        private let priority: JSON?

        init(_ name: String, _ callers: Callers, _ cluster: Cluster) async throws {
            port = cluster.gateway.port
            priority = callers == .clientIDsWithPriority ? 5 : nil as JSON?
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

        /// Submits jobs over one connection, one after the other.
        func submit(_ numbers: [Int], promptID: String? = nil) async throws {
            let bodies = numbers.map { number in
                var body: JSON = [
                    "prompt": Workflow.image("flood-\(number)", color: number), "client_id": .string(clientID),
                ]
                if let priority { body["priority"] = priority }
                if let promptID { body["prompt_id"] = .string(promptID) }
                return body.serialized()
            }
            try await onThread { [port, fields] in
                let wire = try HTTPWire(port: port, timeout: 20 * Places.patience)
                for body in bodies {
                    let answer = try wire.exchange(
                        HTTPRequest(
                            method: "POST", target: "/api/prompt", fields: fields, body: body, keepAlive: true))
                    guard answer.status == 200 else { throw Refused(answer: answer) }
                }
            }
        }
    }
}
