import Host
import PluginAPI
import Synchronization
import Testing

/// Remembers what a policy was asked.
private final class Judge: Sendable {
    private let seen = Mutex<[ConnectionTarget]>([])
    private let verdict: @Sendable (ConnectionTarget) -> Bool

    init(_ verdict: @escaping @Sendable (ConnectionTarget) -> Bool) {
        self.verdict = verdict
    }

    var all: [ConnectionTarget] { seen.withLock { $0 } }

    var policy: AddressPolicy {
        AddressPolicy { target in
            self.seen.withLock { $0.append(target) }
            return self.verdict(target)
        }
    }
}

@Suite("the HTTP client keeps to the addresses that a request may go to")
struct AddressPolicyTests {
    @Test(
        "an address that is refused is not connected to, however it is written",
        arguments: ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]"])
    func refused(_ host: String) async throws {
        let server = RawServer { connection in _ = connection.readRequest() }
        let judge = Judge { _ in false }
        try await withClient { client, _ in
            var request = ClientRequest(.post, "http://\(host):\(server.port)/", body: HTTPBody([1]))
            request.addressPolicy = judge.policy
            let error = try await clientError { _ = try await client.send(request) }
            #expect(error.reason == .addressRefused)
            #expect(!error.mayHaveBeenProcessed)
        }
        #expect(server.connectionCount == 0)
        let loopback = try [#require(IPAddress("127.0.0.1")), #require(IPAddress("::1"))]
        #expect(!judge.all.isEmpty)
        #expect(judge.all.allSatisfy { loopback.contains($0.address) && $0.port == Int(server.port) })
    }

    @Test("an address that is allowed is used, and asked for again with each request")
    func allowed() async throws {
        let server = RawServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        }
        let isAllowed = Mutex(true)
        let judge = Judge { _ in isAllowed.withLock { $0 } }
        try await withClient { client, _ in
            var request = ClientRequest(.get, server.url())
            request.addressPolicy = judge.policy
            #expect(try await client.send(request).status == 200)
            isAllowed.withLock { $0 = false }
            let error = try await clientError { _ = try await client.send(request) }
            #expect(error.reason == .addressRefused)
        }
        #expect(server.connectionCount == 1)
    }

    @Test("a connection that another request opened does not help")
    func pooled() async throws {
        let seen = Seen<RawRequest>()
        let server = RawServer { connection in
            while let request = connection.readRequest() {
                seen.add(request)
                connection.answer()
            }
        }
        try await withClient { client, _ in
            #expect(try await client.send(ClientRequest(.get, server.url("/free"))).status == 200)
            var request = ClientRequest(.get, server.url("/held"))
            request.addressPolicy = AddressPolicy { _ in false }
            let error = try await clientError { _ = try await client.send(request) }
            #expect(error.reason == .addressRefused)
            #expect(!error.mayHaveBeenProcessed)
        }
        #expect(seen.all.map(\.line) == ["GET /free HTTP/1.1"])
    }

    @Test("a WebSocket is held to it too")
    func webSocket() async throws {
        let server = RawServer { connection in _ = connection.readRequest() }
        try await withClient { client, _ in
            var request = ClientRequest(.get, server.url())
            request.addressPolicy = AddressPolicy { _ in false }
            let error = try await clientError { _ = try await client.webSocket(request) }
            #expect(error.reason == .addressRefused)
        }
        #expect(server.connectionCount == 0)
    }

    @Test(
        "it is said whether the daemon itself listens there",
        arguments: [
            ("127.0.0.1", true), ("0.0.0.0", true), ("::", true), ("127.0.0.2", false), ("10.1.2.3", false),
        ])
    func ownListeners(_ address: String, _ isOwn: Bool) async throws {
        let server = RawServer { connection in _ = connection.readRequest() }
        let judge = Judge { !$0.isThisDaemon }
        try await withClient { client, _ in
            client.daemonListens(at: [(address, UInt16(server.port))])
            var request = ClientRequest(.get, server.url(), timeout: .seconds(5))
            request.addressPolicy = judge.policy
            let error = try await clientError { _ = try await client.send(request) }
            #expect(error.reason == (isOwn ? .addressRefused : .connection))
            client.daemonListens(at: [(address, UInt16(server.port) ^ 1)])
            #expect(try await clientError { _ = try await client.send(request) }.reason == .connection)
        }
        #expect(judge.all.first?.isThisDaemon == isOwn)
    }

    @Test(
        "the unspecified address and those that a translator would change lead to the daemon as well",
        arguments: [
            ("0.0.0.0", "127.0.0.1", true), ("[::]", "::1", true), ("0.0.0.0", "10.1.2.3", false),
            ("[::]", "0.0.0.0", true), ("[64:ff9b::a01:203]", "10.1.2.3", true),
            ("[64:ff9b::7f00:1]", "0.0.0.0", true), ("[64:ff9b::a01:204]", "10.1.2.3", false),
            ("[2002:a01:203::1]", "10.1.2.3", true), ("[::127.0.0.1]", "127.0.0.1", true),
        ])
    func ownListenersByOtherAddresses(_ host: String, _ listener: String, _ isOwn: Bool) async throws {
        let judge = Judge { _ in false }
        try await withClient { client, _ in
            client.daemonListens(at: [(listener, 18079)])
            var request = ClientRequest(.get, "http://\(host):18079/", timeout: .seconds(5))
            request.addressPolicy = judge.policy
            let error = try await clientError { _ = try await client.send(request) }
            #expect(error.reason == .addressRefused)
        }
        #expect(judge.all.map(\.isThisDaemon) == [isOwn])
    }
}
