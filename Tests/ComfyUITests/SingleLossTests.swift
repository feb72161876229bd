import ComfyUI
import PluginAPI
import PluginTestKit
import Testing

@Suite("A single server that is away, restarts, or loses answers")
struct SingleLossTests {
    @Test("a socket lost in the middle: the result comes by polling, once")
    func socket() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let client = Collected(try await rig.backend.follow(client: "tab"))
            let id = try await rig.submit(client: "tab")
            rig.server.start()
            try await rig.wait(id, for: .running)
            let sockets = rig.server.with { state in
                defer { state.sockets = [] }
                state.refusesSockets = true
                return state.sockets
            }
            for socket in sockets { socket.end() }
            rig.server.finish()
            try await rig.wait(id, for: .done)
            rig.server.with { $0.refusesSockets = false }
            try await rig.connected()
            rig.server.emit("executing", ["node": nil, "prompt_id": .string(id)])
            try await rig.pass(.seconds(10))
            #expect(client.words(of: id).count { $0 == "done" } == 1)
            #expect(rig.host.events.events(JobFinished.self).map(\.promptID) == [id])
        }
    }

    @Test("missed events are made up for by queue and history")
    func missed() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let first = try await rig.submit()
            let second = try await rig.submit()
            rig.server.with { $0.isMute = true }
            rig.server.start()
            rig.server.finish(silently: true)
            rig.server.start()
            try await rig.wait(first, for: .done)
            try await rig.wait(second, for: .running)
        }
    }

    @Test("a socket that is silent after a submission is opened anew")
    func deaf() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            rig.server.with { $0.isMute = true }
            let before = rig.server.with { $0.connections }
            _ = try await rig.submit()
            try await rig.drive("it connects again", atMost: .seconds(30)) {
                rig.server.with { $0.connections } > before
            }
        }
    }

    @Test("a server that restarts loses its prompts, those that ran and those that waited")
    func restart() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let client = Collected(try await rig.backend.follow(client: "tab"))
            let ids = [try await rig.submit(client: "tab"), try await rig.submit(client: "tab")]
            rig.server.start()
            try await rig.wait(ids[0], for: .running)
            rig.server.restartEmpty()
            for id in ids {
                try await rig.wait(id, for: .lost)
                try await rig.drive("the client is told") { client.words(of: id).last == "lost" }
                #expect(try await rig.backend.job(id)?.message != nil)
            }
        }
    }

    @Test("one that somebody else removed is cancelled, not lost")
    func removed() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let id = try await rig.submit()
            rig.server.with { $0.pending = [] }
            try await rig.wait(id, for: .cancelled)
        }
    }

    @Test("an outage keeps the prompts that are still there")
    func outage() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let id = try await rig.submit()
            rig.server.start()
            try await rig.wait(id, for: .running)
            rig.server.with { $0.isDown = true }
            try await rig.drive("it is noticed") {
                try await rig.backend.job(id)?.server?.healthy == false
            }
            #expect(try await rig.backend.job(id)?.state == .running)
            rig.server.with { $0.isDown = false }
            rig.server.finish(silently: true)
            try await rig.wait(id, for: .done)
            #expect(try await rig.backend.job(id)?.server?.healthy == true)
        }
    }

    @Test("an answer that was lost: the prompt is found and not sent again", arguments: [false, true])
    func lostAnswer(fails: Bool) async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            rig.server.with { $0.behaviour = fails ? .takeAndFail : .loseAnswer }
            let id = try await rig.submit(client: "tab")
            #expect(rig.server.submitted == [id])
            rig.server.start()
            rig.server.finish()
            try await rig.wait(id, for: .done)
            #expect(try await rig.backend.job(id)?.clientID == "tab")
        }
    }

    @Test("an answer that was lost, of an old server: the prompt is found by its mark")
    func lostAnswerOfOldServer() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            rig.server.with { ($0.behaviour, $0.ignoresIDs) = (.loseAnswer, true) }
            let id = try await rig.submit(id: "p")
            rig.server.start()
            rig.server.finish()
            try await rig.wait(id, for: .done)
        }
    }

    @Test("a prompt that never arrived is not there", arguments: [true, false])
    func neverArrived(refused: Bool) async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            rig.server.with { $0.behaviour = refused ? .refuseConnections : .loseRequest }
            await #expect(throws: HTTPClientError.self) { try await rig.submit(client: "tab", id: "p") }
            #expect(try await rig.backend.job("p") == nil)
            #expect(try await rig.backend.prompts(ofClient: "tab", limit: 9).isEmpty)
            rig.server.with { $0.behaviour = .take }
            #expect(try await rig.submit(client: "tab", id: "p") == "p")
            #expect(rig.server.submitted == ["p"])
        }
    }

    @Test(
        "a server that dies while it gets a prompt: the same submission again does not make two",
        arguments: [true, false])
    func died(took: Bool) async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            rig.server.with { $0.behaviour = .die(taking: took) }
            await #expect(throws: HTTPClientError.self) { try await rig.submit(client: "tab", id: "p") }
            #expect(try await rig.backend.prompts(ofClient: "tab", limit: 9).isEmpty)
            rig.server.with { ($0.isDown, $0.behaviour) = (false, .take) }
            #expect(try await rig.submit(client: "tab", id: "p") == "p")
            #expect(rig.server.submitted == ["p"])
            rig.server.start()
            rig.server.finish()
            try await rig.wait("p", for: .done)
        }
    }

    @Test("a body that is too large for the server is the caller's mistake, a proxy's refusal is not")
    func statuses() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            rig.server.with { $0.behaviour = .answer(.contentTooLarge, nil) }
            let large = await #expect(throws: HTTPError.self) { try await rig.submit() }
            #expect(large?.status == .contentTooLarge)
            rig.server.with { $0.behaviour = .answer(.unauthorized, nil) }
            let locked = await #expect(throws: ComfyServerError.self) { try await rig.submit() }
            #expect(locked?.httpError.status == .badGateway)
        }
    }

    @Test("a result that cannot be read is a failure in the end")
    func unreadable() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let id = try await rig.submit(id: "p")
            rig.server.with { $0.badHistory = ["p"] }
            rig.server.start()
            rig.server.finish()
            try await rig.wait(id, for: .failed)
        }
    }

    @Test("while the result is fetched the job is ending")
    func ending() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let id = try await rig.submit()
            rig.server.start()
            try await rig.wait(id, for: .running)
            rig.server.emit("execution_success", ["prompt_id": .string(id)])
            try await rig.drive("it is ending") { try await rig.backend.job(id)?.isEnding ?? false }
            #expect(try await rig.backend.history(id) == nil)
            rig.server.finish(silently: true)
            try await rig.wait(id, for: .done)
            #expect(try await rig.backend.job(id)?.isEnding == false)
        }
    }
}
