import Gateway
import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("Passwords stay hidden")
struct SecrecyTests {
    /// What must not be found anywhere.
    private static let secret = "hunter2-hidden"

    /// Requests with the secret in every place that a caller could put it.
    private static func requests(_ worker: String) -> [(HTTPMethod, String, String?)] {
        let s = secret
        return [
            (.post, "/api/workers", #"{"url":"http://b:1","auth_username":"u","auth_password":"\#(s)"}"#),
            (.post, "/api/workers", #"{"url":"http://b:1/","auth_username":"u","auth_password":"\#(s)"}"#),
            (.post, "/api/workers", #"{"url":"http://u:\#(s)@c:1"}"#),
            (.post, "/api/workers", #"{"url":"http://u%3A\#(s)%40c:1"}"#),
            (.post, "/api/workers", #"{"url":"u:\#(s)@c"}"#),
            (.post, "/api/workers", #"{"url":"http://c:1","auth_username":"a:b","auth_password":"\#(s)"}"#),
            (.post, "/api/workers", #"{"url":"http://c:1","auth_password":["\#(s)"]}"#),
            (.post, "/api/workers", #"{"url":"http://c:1","auth_password":"\#(s)\n"}"#),
            (.post, "/api/workers", #"{"url":"http://c:1","auth_password":"\#(s)"#),
            (.patch, "/api/workers/\(worker)", #"{"auth_username":"u","auth_password":"\#(s)"}"#),
            (.patch, "/api/workers/\(worker)", #"{"url":"http://u:\#(s)@a:1"}"#),
            (.patch, "/api/workers/nobody", #"{"auth_password":"\#(s)"}"#),
            (.post, "/api/workers/\(worker)/health", nil),
            (.patch, "/api/settings", #"{"worker_auth_username":"v","worker_auth_password":"\#(s)"}"#),
            (.patch, "/api/settings", #"{"worker_auth_password":{"x":"\#(s)"}}"#),
            (.post, "/api/prompt", HostedTests.prompt.text()), (.get, "/api/workers", nil),
            (.get, "/api/settings", nil),
            (.get, "/api/queue", nil), (.delete, "/api/workers/\(worker)", nil),
        ]
    }

    @Test("no log, answer, error, event or metric has a worker's password, whether workers answer or not")
    func nowhere() async throws {
        let host = try TestHost<GatewayPlugin>(
            configuration: [
                "workers": [["url": "http://a:1", "auth_username": "u", "auth_password": .string(Self.secret)]]
            ], environment: ["WORKER_AUTH_USERNAME": "all", "WORKER_AUTH_PASSWORD": Self.secret],
            client: StubHTTPClient { try await HostedTests.idleWorker.send($0) })
        try await host.start()
        let list = await host.send(.get, "/api/workers")
        let id = try #require(list.json?["workers"]?[0]?["worker_id"]?.stringValue)
        var seen = [list.text]
        for answers in [true, false] {
            if !answers { host.client.answer { throw StubHTTPClient.refused($0) } }
            for (method, path, body) in Self.requests(id) {
                let bytes = HTTPBody(Array((body ?? "").utf8))
                let answer = await host.send(method, path, headers: ["Content-Type": "application/json"], body: bytes)
                seen.append("\(method) \(path): \(answer.headers.fields) \(answer.text)")
            }
        }
        let health = await host.health()
        await host.stop()
        #expect(host.client.requests.contains { $0.credentials?.password == Secret(Self.secret) })
        seen += host.logs.lines.map(\.description)
        seen += host.events.all.map { "\($0)" }
        seen += ["\(health)", host.metrics.text(), "\(host.client.requests)"]
        for text in seen where text.contains(Self.secret) { Issue.record("shown in: \(text)") }
        #expect(!host.logs.lines("worker credentials changed").isEmpty)
        #expect(host.logs.lines("saved worker credentials changed").first?["in_use"] == "settings")
    }

    @Test("a configuration with credentials that cannot be sent is refused without their text")
    func configuration() throws {
        let problem = #expect(throws: TestHostError.self) {
            try TestHost<GatewayPlugin>(
                configuration: [
                    "workers": [
                        ["url": .string("http://u:\(Self.secret)@a:1")],
                        ["url": "http://b:1", "auth_username": "a:b", "auth_password": .string("\(Self.secret)\n")],
                    ],
                    "worker_auth_password": [.string(Self.secret)],
                ], environment: ["WORKER_AUTH_USERNAME": "c:d"])
        }
        let words = problem?.description ?? ""
        #expect(words.contains("workers[1].url: expected an http or https URL without credentials"))
        #expect(words.contains("workers[2].auth_username: A user name has no colon"))
        #expect(words.contains("workers[2].auth_password: Control characters"))
        #expect(words.contains("environment variable WORKER_AUTH_USERNAME"))
        #expect(words.contains("worker_auth_password: expected a text"))
        #expect(!words.contains(Self.secret))
    }
}
