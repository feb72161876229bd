import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

@Suite("Sockets")
struct SocketTests {
    private static let flags = #"{"type": "feature_flags", "data": {"supports_preview_metadata": true}}"#

    @Test("a client without an id gets one, and everybody hears of the queue")
    func greeting() async throws {
        let fixture = try SimulatorFixture()
        let socket = try await fixture.socket("/ws", flags: [])
        await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt()])
        let message = try await socket.next()
        #expect(message.event?.data == ["status": ["exec_info": ["queue_remaining": 1]]])
        #expect(await fixture.get("/simulator/state")["sockets"] == 1)
    }

    @Test("flags count only in the first object a client sends")
    func flagsOnlyFirst() {
        var greeting = ClientGreeting()
        #expect(greeting.read(.text("no json")) == nil)
        #expect(greeting.read(.binary([1])) == nil)
        #expect(greeting.read(.text("[1, 2]")) == nil)
        #expect(greeting.read(.text(Self.flags)) == .withMetadata)
        #expect(greeting.read(.text(Self.flags)) == nil)
        var other = ClientGreeting()
        #expect(other.read(.text(#"{"type": "hello"}"#)) == nil)
        #expect(other.read(.text(Self.flags)) == nil)
        var truthy = ClientGreeting()
        let one = #"{"type": "feature_flags", "data": {"supports_preview_metadata": 1}}"#
        #expect(truthy.read(.text(one)) == .legacy)
    }

    @Test("of two sockets with one id the older hears nothing, and its end silences the newer")
    func sameIDTwice() async throws {
        let fixture = try SimulatorFixture()
        let older = try await fixture.socket()
        let newer = try await fixture.socket()
        await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt(), "client_id": "a"])
        await fixture.runJobs()
        let messages = try await newer.messages { $0.event?.data["node"] == .null }
        #expect(messages.contains { $0.event?.type == "execution_success" })
        await older.close()
        #expect(fixture.server.hub.count == 0)
        await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt(colour: 2), "client_id": "a"])
        await fixture.runJobs()
        await newer.close()
        #expect(try await newer.client.receive() == nil, "nothing came after the older socket was closed")
    }

    @Test("a client that connects during its job hears which node runs")
    func reconnect() async throws {
        let fixture = try SimulatorFixture(["hang": true])
        await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt(), "client_id": "a"])
        let job = Task { await fixture.worker.runNext() }
        await fixture.untilRunning()
        let socket = try await fixture.socket()
        #expect(try await socket.next().event?.data == ["node": "1"])
        let other = try await fixture.socket("/ws?clientId=b")
        await fixture.post("/simulator/control", ["hang": false])
        #expect(await job.value)
        #expect(try await other.next().event?.type == "status", "the job of another client is not told")
    }

    @Test("flags that are no object fail every job with a preview")
    func brokenFlags() async throws {
        let fixture = try SimulatorFixture()
        let socket = try await fixture.socket(flags: [#"{"type": "feature_flags", "data": null}"#])
        #expect(try await socket.next().event?.type == "feature_flags")
        await fixture.post(
            "/prompt", ["prompt": SimulatorFixture.slowPrompt(preview: "PNG"), "client_id": "a", "prompt_id": "p"])
        await fixture.runJobs()
        let status = await fixture.get("/history/p")["p"]?["status"]
        #expect(status?["status_str"] == "error")
        #expect(status?["messages"]?[2]?[1]?["exception_type"] == "AttributeError")
    }

    @Test("a reader that does not read is cut off, the others go on")
    func slowReaderIsDropped() throws {
        let hub = SocketHub()
        let slow = SocketConnection(sid: "slow", limit: 2)
        let good = SocketConnection(sid: "good", limit: 100)
        hub.register(slow, greeting: [])
        hub.register(good, greeting: [])
        for number in 0..<3 { hub.send(.everyone, SocketMessage.status(remaining: number)) }
        #expect(slow.hasRoom, "a dropped connection takes whatever comes")
        #expect(slow.offer(.text("lost")))
        #expect(good.hasRoom)
    }

    @Test("in blocking mode a slow reader holds up everybody until it is gone")
    func slowReaderBlocks() async throws {
        let hub = SocketHub()
        hub.setMode(.block)
        let slow = SocketConnection(sid: "slow", limit: 1)
        let good = SocketConnection(sid: "good", limit: 100)
        hub.register(slow, greeting: [])
        hub.register(good, greeting: [])
        for number in 0..<3 { hub.send(.everyone, SocketMessage.status(remaining: number)) }
        #expect(await good.next() == SocketMessage.status(remaining: 0))
        hub.unregister("slow")
        #expect(await good.next() == SocketMessage.status(remaining: 1))
        #expect(await good.next() == SocketMessage.status(remaining: 2))
    }
}
