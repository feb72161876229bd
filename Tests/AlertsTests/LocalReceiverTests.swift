import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Alerts

/// Webhooks over real connections, to a receiver that checks signatures as its documentation says.
@Suite struct LocalReceiverTests {
    @Test("a signed alert arrives over the network, also after the receiver failed once")
    func signed() async throws {
        let receiver = Receiver()
        try await withReceiver(receiver) { address, client in
            let hook: JSON = ["name": "ops", "url": .string("\(address)/hook"), "secret": "s3cret"]
            try await withAlerts(configuration: ["webhooks": [hook]], client: client) { rig in
                _ = try await rig.raise("disk_low", "disk usage 92%")
                let done = try await rig.host.clock.drive(atMost: .seconds(60)) { !receiver.taken.isEmpty }
                #expect(done.isSo)
                #expect(receiver.taken == [try await rig.list().first ?? .null])
                #expect(receiver.refusals == 1)
            }
        }
    }

    private func withReceiver(
        _ receiver: Receiver, _ body: (String, StubHTTPClient) async throws -> Void
    ) async throws {
        let group = EventLoopGroup(count: 1)
        let files = BlockingPool(name: "files", threads: 1)
        let listener = HTTPServerConfiguration.Listener(address: "127.0.0.1", port: 0, certificate: nil, key: nil)
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(listeners: [listener], limits: HTTPLimits()), group: group,
            responder: receiver, logger: Logger(), files: files)
        try await server.start()
        let port = try #require(server.boundAddresses.first?.port)
        let curl = CurlHTTPClient(group: group, settings: HTTPClientSettings())
        let result: Result<Void, any Error>
        do {
            try await body("http://127.0.0.1:\(port)", StubHTTPClient { try await curl.send($0) })
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await curl.shutDown()
        await server.drain(timeout: .milliseconds(100))
        group.shutDown()
        files.shutDown()
        try result.get()
    }
}

/// Takes alerts whose signature is right; fails at the first.
private final class Receiver: HTTPResponder {
    private let state = Mutex<(taken: [JSON], refusals: Int)>(([], 0))

    var taken: [JSON] { state.withLock { $0.taken } }
    var refusals: Int { state.withLock { $0.refusals } }

    func respond(to request: Request) async -> ServerReply {
        guard let body = try? await request.body.collect(upTo: 1 << 20), let json = try? JSON(parsing: body) else {
            return .response(Response(status: .badRequest))
        }
        let signed = "\(request.headers["x-comfyd-delivery"] ?? "").\(request.headers["x-comfyd-timestamp"] ?? "")."
        let digest = OpenSSLCryptography().hmacSHA256(Array(signed.utf8) + body, key: Secret("s3cret"))
        guard request.headers["x-comfyd-signature"] == "sha256=\(Hex.encode(digest))" else {
            return .response(Response(status: .forbidden))
        }
        let isFirst = state.withLock { state in
            guard state.refusals > 0 else {
                state.refusals += 1
                return true
            }
            state.taken.append(json)
            return false
        }
        return .response(Response(status: isFirst ? .badGateway : .noContent))
    }

    func refusal(_ error: HTTPError, for request: Request) -> Response {
        Surface.native.render(error, request)
    }
}
