import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

@Suite("WebSocket messages of a real server")
struct SocketReplayTests {
    @Test("jobs send the recorded messages in the recorded order", arguments: try Recording.list("sockets"))
    func replay(_ transcript: JSON) async throws {
        let fixture = try SimulatorFixture()
        let body = try JSON(parsing: try #require(transcript["body"]?.stringValue))
        try await prepare(fixture, transcript["name"]?.stringValue ?? "", body)
        var sockets: [(ClientSocket, [JSON])] = []
        for socket in try #require(transcript["sockets"]?.arrayValue) {
            let path = try #require(socket["path"]?.stringValue)
            let flags = (socket["send"]?.arrayValue ?? []).compactMap(\.stringValue)
            let open = try await fixture.socket(path, flags: flags)
            var expected = Array((socket["receive"]?.arrayValue ?? []).dropFirst())
            if !flags.isEmpty {
                #expect(Self.plain(try await open.next()) == expected.removeFirst())
            }
            sockets.append((open, expected))
        }
        await fixture.post("/prompt", body)
        await fixture.runJobs()
        for (socket, expected) in sockets {
            for (place, message) in expected.enumerated() {
                let actual = Self.plain(try await socket.next())
                #expect(actual.withoutTraces == message.withoutTraces, "message \(place)")
            }
        }
    }

    /// What has to be there before a recorded job.
    private func prepare(_ fixture: SimulatorFixture, _ name: String, _ body: JSON) async throws {
        let image = PNG.encode(Picture(width: 32, height: 24, count: 1, fill: .solid(0)))
        try #require(Disk.write(image, to: fixture.folder + "/input/base.png", replacing: true))
        guard name == "cached_rerun" else { return }
        var earlier = body
        earlier["prompt_id"] = "earlier"
        await fixture.post("/prompt", earlier)
        await fixture.runJobs()
    }

    /// A message as the recordings write it.
    private static func plain(_ message: WebSocketMessage) -> JSON {
        switch message {
        case .text(let text): return (try? JSON(parsing: text)) ?? .null
        case .binary(let bytes):
            let number = { (start: Int) in bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
            switch number(0) {
            case 3: return ["binary": 3, "text": .string(String(decoding: bytes[8...], as: UTF8.self))]
            case 4:
                var metadata = (try? JSON(parsing: Array(bytes[8..<8 + number(4)]))) ?? .null
                metadata["image_type"] = nil
                return ["binary": 4, "metadata": metadata]
            default: return ["binary": .number(JSONNumber(number(0)))]
            }
        @unknown default: return .null
        }
    }
}
