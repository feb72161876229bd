import ComfyUI
import PluginAPI
import PluginTestKit
import Testing

@Suite("Cancelling and clearing on a single server")
struct SingleQueueTests {
    @Test("one that waits is removed, and what runs is left alone")
    func pending() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let running = try await rig.submit(client: "tab")
            let waiting = try await rig.submit(client: "tab")
            let one = Collected(waiting, try await rig.backend.follow(waiting))
            rig.server.start()
            #expect(try await rig.backend.cancel(waiting, by: "admin"))
            try await rig.drive("it ends") { one.isOver }
            #expect(one.words(of: waiting).last == "cancelled")
            #expect(rig.server.with { $0.interrupted }.isEmpty)
            #expect(try await rig.backend.job(running)?.state == .running)
            #expect(try await rig.backend.job(waiting)?.state == .cancelled)
            #expect(try await rig.backend.history(waiting) == nil)
            #expect(try await rig.backend.cancel(waiting, by: "admin") == false)
        }
    }

    @Test("one that runs is interrupted, and its end comes from the server")
    func running() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let id = try await rig.submit()
            rig.server.start()
            rig.server.with { $0.interruptsLate = true }
            #expect(try await rig.backend.cancel(id, by: "admin"))
            #expect(rig.server.with { $0.interrupted } == [id])
            #expect(try await rig.backend.job(id)?.state == .running)
            rig.server.with { $0.running = [] }
            rig.server.noteInterrupted(id)
            rig.server.emit("execution_interrupted", ["prompt_id": .string(id)])
            rig.server.emit("executing", ["node": nil, "prompt_id": .string(id)])
            try await rig.wait(id, for: .cancelled)
        }
    }

    @Test("a prompt that has ended is not interrupted: an old server would interrupt the next one")
    func trap() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let id = try await rig.submit()
            let next = try await rig.submit()
            rig.server.start()
            // It ends, and we do not hear of it.
            rig.server.finish(silently: true)
            rig.server.start()
            #expect(try await rig.backend.cancel(id, by: "admin") == false)
            #expect(rig.server.with { $0.interrupted }.isEmpty)
            #expect(try await rig.backend.job(id)?.state == .done)
            #expect(try await rig.backend.job(next)?.state == .running)
            #expect(try await rig.backend.cancel("unknown", by: "admin") == false)
            #expect(rig.server.with { $0.interrupted }.isEmpty)
        }
    }

    @Test("prompts of others are found, cancelled and followed")
    func foreign() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            rig.server.with { state in
                state.running = [SingleRig.foreign("f-1", 5)]
                state.pending = [SingleRig.foreign("f-2", 6), SingleRig.foreign("f-3", 7)]
            }
            let running = try #require(await rig.backend.job("f-1"))
            #expect(running.state == .running)
            #expect(running.caller == nil)
            #expect(running.clientID == "theirs")
            let waiting = try #require(await rig.backend.job("f-3"))
            #expect(waiting.state == .submitted)
            #expect(waiting.position == 2)
            #expect(waiting.number == 7)
            #expect(try await rig.backend.owner(of: "f-3")?.id == "default")
            let queue = try await rig.backend.queue()
            #expect(queue.pending.map(\.caller) == [nil, nil])
            #expect(queue.pending.first?.item[3] == ["client_id": "theirs"])
            #expect(try await rig.backend.history("f-1") == nil)
            #expect(try await rig.backend.cancel("f-2", by: "admin"))
            #expect(rig.server.with { $0.pending.count } == 1)
            let one = Collected("f-1", try await rig.backend.follow("f-1"))
            rig.server.finish(silently: true)
            try await rig.drive("it ends") { one.isOver }
            #expect(one.words(of: "f-1") == ["running", "done"])
            #expect(try await rig.backend.history("f-1")?["prompt"]?[3] == ["client_id": "theirs"])
            #expect(try await rig.backend.job("f-2") == nil)
            #expect(try await rig.backend.job("never") == nil)
            await #expect(throws: HTTPError.self) { try await rig.backend.follow("never") }
        }
    }

    @Test("clearing removes what waits, of one caller or of all", arguments: ["key:1", nil])
    func clear(caller: String?) async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let running = try await rig.submit(caller: "key:1")
            rig.server.start()
            let own = try await rig.submit(caller: "key:1")
            let other = try await rig.submit(client: "tab", caller: "key:2")
            rig.server.with { $0.pending.append(SingleRig.foreign("f", 9)) }
            let client = Collected(try await rig.backend.follow(client: "tab"))
            let cleared = try await rig.backend.clearQueue(of: caller, by: "admin")
            #expect(cleared.map(\.removed) == [caller == nil ? 3 : 1])
            #expect(cleared.first?.problem == nil)
            #expect(cleared.first?.server?.id == "default")
            #expect(try await rig.backend.job(own)?.state == .cancelled)
            #expect(try await rig.backend.job(other)?.state == (caller == nil ? .cancelled : .submitted))
            #expect(try await rig.backend.job(running)?.state == .running)
            #expect(rig.server.with { $0.pending.count } == (caller == nil ? 0 : 2))
            try await rig.drive("the client is told") {
                client.words(of: other) == (caller == nil ? ["submitted", "cancelled"] : ["submitted"])
            }
        }
    }

    @Test("a server that does not answer is named as such")
    func down() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            rig.server.with { $0.isDown = true }
            #expect(try await rig.backend.queue().unreachable.map(\.id) == ["default"])
            let cleared = try await rig.backend.clearQueue(of: nil, by: "admin")
            #expect(cleared.first?.problem != nil)
            #expect(cleared.first?.server?.healthy == false)
            await #expect(throws: HTTPClientError.self) { try await rig.backend.cancel("p", by: "admin") }
            await #expect(throws: HTTPClientError.self) { try await rig.backend.job("p") }
            guard case .degraded = await rig.backend.health() else {
                Issue.record("a server that does not answer is no trouble")
                return
            }
            #expect(try await rig.backend.servers().map(\.healthy) == [false])
            rig.server.with { $0.isDown = false }
            try await rig.drive("it is well again") { await rig.backend.health() == .healthy }
            #expect(rig.host.events.events(ServerHealthChanged.self).map(\.healthy) == [false, true])
        }
    }
}

extension SingleRig {
    /// An item of the server's queue that did not come through us.
    static func foreign(_ id: String, _ number: Int) -> JSON {
        [
            .number(JSONNumber(number)), .string(id), workflow, ["client_id": "theirs", "api_key_comfy_org": "secret"],
            ["9"],
        ]
    }
}
