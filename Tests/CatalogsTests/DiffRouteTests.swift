import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// `/server-diff`: what is stored, what is refused, what is kept.
@Suite struct DiffRouteTests {
    @Test("a snapshot is stored as it came and listed, the newest first")
    func stored() async throws {
        try await withCatalogs { rig in
            let payload = try JSON(
                parsing:
                    #"{"generatedAt":"2026-02-05","servers":[{"server":{"id":"é"},"n":1.50,"big":18446744073709551616}],"z":"\u0000"}"#
            )
            let first = await rig.send(
                .post, "/server-diff", ["baseline_executor_id": " b ", "payload": payload, "id": 77])
            #expect(first.status == .ok)
            #expect(first.json?["id"] == 1)
            #expect(first.json?["baseline_executor_id"] == "b")
            #expect(first.json?["payload"]?.text() == payload.text())
            #expect(first.json?["created_at"]?.stringValue?.hasSuffix("Z") == true)
            let second = await rig.send(
                .post, "/server-diff", ["baseline_executor_id": "c", "payload": ["servers": 5]])
            #expect(second.json?["payload"] == ["servers": 5])
            let list = await rig.send(.get, "/server-diff")
            #expect(list.status == .ok)
            #expect(list.headers["Content-Type"] == "application/json; charset=utf-8")
            #expect(list.json == .array([second.json ?? .null, first.json ?? .null]))
            #expect(await rig.send(.get, "/server-diff?limit=1").json == .array([second.json ?? .null]))
        }
    }

    @Test("without snapshots the list is empty")
    func none() async throws {
        try await withCatalogs { rig in
            #expect(await rig.send(.get, "/server-diff?limit=50").json == [])
        }
    }

    @Test("a limit outside 1 to 50 is refused", arguments: ["0", "51", "-1", "x", "1.5"])
    func limit(text: String) async throws {
        try await withCatalogs { rig in
            let answer = await rig.send(.get, "/server-diff?limit=\(text)")
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?[0]?["loc"] == ["query", "limit"])
        }
    }

    @Test(
        "a body of the wrong form is refused by the key that is wrong",
        arguments: [
            (#"{"payload":{"servers":[]}}"#, "baseline_executor_id"),
            (#"{"baseline_executor_id":null,"payload":{"servers":[]}}"#, "baseline_executor_id"),
            (#"{"baseline_executor_id":7,"payload":{"servers":[]}}"#, "baseline_executor_id"),
            (#"{"baseline_executor_id":" ","payload":{"servers":[]}}"#, "baseline_executor_id"),
            (#"{"baseline_executor_id":"a\u0000","payload":{"servers":[]}}"#, "baseline_executor_id"),
            (#"{"baseline_executor_id":"b","payload":null}"#, "payload"),
            (#"{"baseline_executor_id":"b","payload":[]}"#, "payload"),
            (#"{"baseline_executor_id":"b","executorIds":"a"}"#, "executorIds"),
            (#"{"baseline_executor_id":"b","executorIds":[1]}"#, "executorIds"),
            (#"{"baseline_executor_id":"b","executorIds":[""]}"#, "executorIds"),
        ])
    func badBody(body: String, key: String) async throws {
        try await withCatalogs { rig in
            let answer = await rig.send(.post, "/server-diff", try JSON(parsing: body))
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?[0]?["loc"]?[1] == .string(key))
            #expect(await rig.send(.get, "/server-diff").json == [])
        }
    }

    @Test("names and lists that are too long are refused")
    func tooLong() async throws {
        try await withCatalogs { rig in
            let id = String(repeating: "x", count: DiffForm.longestID)
            let stored: JSON = ["servers": []]
            let fits = await rig.send(.post, "/server-diff", ["baseline_executor_id": .string(id), "payload": stored])
            #expect(fits.status == .ok)
            let long = await rig.send(
                .post, "/server-diff", ["baseline_executor_id": .string(id + "x"), "payload": stored])
            #expect(long.status == .unprocessableContent)
            let ids = JSON.array(Array(repeating: "a", count: DiffForm.mostServers + 1))
            for body: JSON in [
                ["baseline_executor_id": "b", "executorIds": ids],
                ["baseline_executor_id": "b", "payload": ["servers": ids]],
            ] { #expect(await rig.send(.post, "/server-diff", body).status == .unprocessableContent) }
        }
    }

    @Test("the oldest snapshots go, and the audit table says so")
    func retention() async throws {
        try await withCatalogs(configuration: ["diff_keep": 2]) { rig in
            for name in ["a", "b", "c", "d"] {
                let body: JSON = ["baseline_executor_id": .string(name), "payload": ["servers": []]]
                #expect(await rig.send(.post, "/server-diff", body).status == .ok)
            }
            let list = await rig.send(.get, "/server-diff?limit=50")
            #expect(list.json?.arrayValue?.map { $0["baseline_executor_id"] } == ["d", "c"])
            let audit = try await rig.audit("server-diff")
            #expect(audit.filter { $0 == "create" }.count == 4)
            #expect(audit.filter { $0 == "delete" }.count == 2)
        }
    }
}

extension CatalogsRig {
    /// What was done to a subject, in order.
    func audit(_ subject: String) async throws -> [String] {
        try await host.context.database.read { connection in
            try connection.all("SELECT action FROM catalogs_audit WHERE subject = \(subject) ORDER BY id") { row in
                try row.get("action")
            }
        }
    }
}
