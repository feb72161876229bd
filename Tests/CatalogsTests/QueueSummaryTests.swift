import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// `/queue-summary`: all servers at once, dead ones cost seconds (`spec/catalogs.md` §5).
@Suite struct QueueSummaryTests {
    private static let executors: JSON = [
        ["id": "z", "base_url": "http://z:8188"], ["id": "a", "base_url": "http://a:8188"],
        ["id": "dead", "base_url": "http://dead:8188"],
        ["id": "off", "base_url": "http://off:8188", "status": "inactive"],
    ]

    /// Two servers that have something to do.
    private func fill(_ rig: ServersRig) {
        rig.servers["http://a:8188/queue/status"] = .json(["queue_running": [1], "queue_pending": [2, 3]])
        rig.servers["http://z:8188/queue"] = .json(["queue_running": [], "queue_pending": [1]])
    }

    @Test("totals count the servers that answer; a dead one is there with the code of its error")
    func summary() async throws {
        try await withFakeServers(executors: Self.executors, workers: []) { rig in
            fill(rig)
            let time = rig.clock.wallClock.iso8601
            let answer = await rig.get("/queue-summary")
            #expect(answer.status == .ok)
            #expect(answer.json?["totalRunning"] == 1)
            #expect(answer.json?["totalPending"] == 3)
            #expect(answer.json?["totalCount"] == 4)
            #expect(answer.json?["timestamp"] == .string(time))
            #expect(time.hasSuffix("Z"))
            let servers = answer.json?["servers"]
            #expect(servers?.arrayValue?.map { $0["executorId"] } == ["a", "dead", "z"])
            #expect(servers?.arrayValue?.map { $0["supported"] } == [true, false, true])
            #expect(servers?.arrayValue?.allSatisfy { $0["raw"] == .null } ?? false)
            #expect(servers?[0]?["pendingCount"] == 2)
            #expect(
                servers?[1] == [
                    "executorId": "dead", "baseUrl": "http://dead:8188", "runningCount": 0, "pendingCount": 0,
                    "queueMaxSize": nil, "supported": false, "message": "COMFYUI_QUEUE_STATUS_ERROR", "raw": nil,
                ])
        }
    }

    @Test("servers that never answer cost five seconds in all, however many they are")
    func patience() async throws {
        let count = 40
        let silent = (0..<count).map { index -> JSON in
            ["id": .string("d\(index)"), "base_url": .string("http://d\(index):8188")]
        }
        try await withFakeServers(executors: .array(silent), workers: []) { rig in
            for index in 0..<count {
                rig.servers["http://d\(index):8188/queue/status"] = index % 2 == 0 ? .hang : .stall
            }
            async let response = rig.get("/queue-summary")
            // Each has its own limit and that of its route.
            await rig.clock.waitForSleepers(2 * count)
            rig.clock.advance(by: .seconds(5))
            let servers = await response.json?["servers"]?.arrayValue ?? []
            #expect(servers.filter { $0["message"] == "COMFYUI_QUEUE_STATUS_ERROR" }.count == count)
            #expect(rig.asked.count == count)
        }
    }

    @Test(
        "only those that were asked for, by any of their ids; unknown and inactive ones are left out",
        arguments: [
            ("?executorIds=a&executorIds=z", ["a", "z"]), ("?executorIds=z,a", ["a", "z"]),
            ("?executorIds=z,nobody&executorIds=off", ["z"]), ("?executorIds=nobody", []),
            ("?executorIds=", ["a", "dead", "id-w1", "z"]), ("?executorIds=w1", ["id-w1"]),
            ("?executorIds=id-w1,w1", ["id-w1"]),
        ])
    func choice(query: String, ids: [String]) async throws {
        try await withFakeServers(executors: Self.executors, workers: [.worker("w1")]) { rig in
            let answer = await rig.get("/queue-summary\(query)")
            #expect(answer.json?["servers"]?.arrayValue?.map { $0["executorId"]?.stringValue } == ids)
        }
    }

    @Test(
        "a server that is asked for by name is there though another one has its address; an address counts once",
        arguments: [
            ("?executorIds=twin", ["twin"]), ("?executorIds=a", ["a"]), ("?executorIds=twin,a", ["a"]),
            ("?executorIds=same", ["same"]), ("?executorIds=same,w1", ["id-w1"]), ("", ["a", "id-w1"]),
        ])
    func sameAddress(query: String, ids: [String]) async throws {
        let executors: JSON = [
            ["id": "a", "base_url": "http://a:8188"], ["id": "twin", "base_url": "http://a:8188"],
            ["id": "same", "base_url": "http://w1:8188"],
        ]
        try await withFakeServers(executors: executors, workers: [.worker("w1")]) { rig in
            for host in ["a", "w1"] {
                rig.servers["http://\(host):8188/queue"] = .json(["queue_running": [1], "queue_pending": []])
            }
            let answer = await rig.get("/queue-summary\(query)")
            #expect(answer.json?["servers"]?.arrayValue?.map { $0["executorId"]?.stringValue } == ids)
            #expect(answer.json?["totalRunning"] == .number(JSONNumber(ids.count)))
        }
    }

    @Test("a server without a queue is there with a sentence, and does not count")
    func unsupported() async throws {
        try await withFakeServers(executors: Self.executors, workers: []) { rig in
            rig.servers["http://a:8188/other"] = .json([:])
            let server = await rig.get("/queue-summary?executorIds=a").json?["servers"]?[0]
            #expect(server?["supported"] == false)
            #expect(server?["message"]?.stringValue?.contains(" ") ?? false)
            #expect(server?["raw"] == .null)
        }
    }
}
