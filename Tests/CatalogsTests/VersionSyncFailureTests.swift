import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// What `POST /version-catalog/sync` does when GitHub does not answer as it should.
@Suite struct VersionSyncFailureTests {
    private static let path = "/version-catalog/sync"

    private func expectFailure(_ answer: TestResponse, _ rig: CatalogsRig) async {
        #expect(answer.status == .badGateway)
        #expect(answer.json?["detail"] == "COMFYUI_VERSION_SYNC_FAILED")
        #expect(await rig.send(.get, "/version-catalog").json?["items"] == [])
    }

    /// An answer that says where to go.
    private static func redirect(_ location: String?, status: Status = 301) -> ClientResponse {
        ClientResponse(status: status, headers: location.map { ["Location": $0] } ?? [:])
    }

    @Test(
        "what is no list of tags is 502, and changes nothing",
        arguments: [
            (200, "{}"), (200, "<html>sign in</html>"), (200, ""), (200, "[{\"name\":\"v1\"}"), (204, ""), (304, ""),
            (404, #"{"message":"Not Found"}"#), (401, "{}"), (403, "{}"), (500, "oops"), (503, "[]"),
        ])
    func badAnswers(status: Int, body: String) async throws {
        try await withCatalogs { rig in
            rig.host.client.answer { _ in
                ClientResponse(status: Status(status), body: HTTPBody(Array(body.utf8)))
            }
            let answer = await rig.send(.post, Self.path)
            await expectFailure(answer, rig)
            #expect(!answer.headers.contains("Retry-After"))
            #expect(!answer.text.contains("oops"))
        }
    }

    @Test("a second page that fails leaves the catalog as it was")
    func secondPage() async throws {
        try await withCatalogs { rig in
            let pages = FakeGitHub.pages(of: FakeGitHub.tags(200))
            rig.host.client.answer { request in
                if request.url.hasSuffix("page=2") { throw StubHTTPClient.refused(request) }
                return try await pages(request)
            }
            await expectFailure(await rig.send(.post, Self.path + "?limit=200"), rig)
            #expect(rig.host.client.requests.count == 2)
        }
    }

    @Test(
        "a used up limit of requests is said, with the seconds to wait",
        arguments: [
            (403, ["X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767225700"], "100"),
            (403, ["x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"], "1"),
            (403, ["X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9223372036854775807"], "86400"),
            (403, ["X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"], "60"),
            (403, ["Retry-After": "30"], "30"), (429, ["Retry-After": "7", "X-RateLimit-Remaining": "3"], "7"),
            (429, [:], "60"), (429, ["Retry-After": "-5"], "1"),
        ] as [(Int, HTTPFields, String)])
    func rateLimit(status: Int, headers: HTTPFields, wait: String) async throws {
        try await withCatalogs { rig in
            rig.host.client.answer { _ in ClientResponse(status: Status(status), headers: headers) }
            let answer = await rig.send(.post, Self.path)
            await expectFailure(answer, rig)
            #expect(answer.headers["Retry-After"] == wait)
            #expect(answer.json?["error"]?.stringValue?.contains("limit of requests") == true)
        }
    }

    @Test("no connection, a deadline while the header or the body is awaited, and too much are 502")
    func transport() async throws {
        try await withCatalogs { rig in
            await expectFailure(await rig.send(.post, Self.path), rig)
            for isBody in [false, true] {
                rig.host.client.answer { _ in
                    guard isBody else {
                        try await Task.sleep(for: .seconds(600))
                        return ClientResponse(status: 200)
                    }
                    return ClientResponse(
                        status: 200,
                        body: HTTPBody(length: nil) {
                            try await Task.sleep(for: .seconds(600))
                            return nil
                        })
                }
                async let answer = rig.send(.post, Self.path)
                await rig.host.clock.waitForSleepers()
                rig.host.clock.advance(by: .seconds(15))
                await expectFailure(await answer, rig)
            }
            rig.host.client.answer { _ in
                ClientResponse(status: 200, body: HTTPBody(length: 5 << 20) { Array(repeating: 0x20, count: 1 << 20) })
            }
            await expectFailure(await rig.send(.post, Self.path), rig)
        }
    }

    @Test(
        "a redirect is followed, with the token only on the same host",
        arguments: [
            ("https://api.github.com/repositories/1/tags?page=1", true), ("/repositories/1/tags", true),
            ("//api.github.com/x", true), ("https://API.github.com:443/x", true), ("https://codeload.example/x", false),
            ("https://api.github.com.example/x", false), ("https://api.github.com:8443/x", false),
        ])
    func redirects(location: String, keepsToken: Bool) async throws {
        try await withCatalogs(environment: ["COMFYUI_REPO_API_TOKEN": "s3cret"]) { rig in
            rig.host.client.answer { request in
                request.url.contains("/repos/") ? Self.redirect(location) : .json(.array(FakeGitHub.tags(1)))
            }
            #expect(await rig.send(.post, Self.path).json?["created"] == 1)
            let tokens = rig.host.client.requests.map { $0.headers["Authorization"] }
            #expect(tokens == ["Bearer s3cret", keepsToken ? "Bearer s3cret" : nil])
            #expect(!"\(rig.host.logs.lines)".contains("s3cret"))
        }
    }

    @Test(
        "a redirect that leads nowhere, away from TLS or in a circle is 502",
        arguments: [
            nil, "", "ftp://api.github.com/x", "http://api.github.com/x", "https://user@api.github.com/x", "a b",
        ])
    func badRedirects(location: String?) async throws {
        try await withCatalogs { rig in
            rig.host.client.answer { _ in Self.redirect(location, status: 302) }
            await expectFailure(await rig.send(.post, Self.path), rig)
            #expect(rig.host.client.requests.count == 1)
            rig.host.client.answer { Self.redirect($0.url, status: 307) }
            await expectFailure(await rig.send(.post, Self.path), rig)
            #expect(rig.host.client.requests.count == 7, "the first and five redirects")
        }
    }

    @Test("the API of an enterprise server is asked where the configuration says, and plain HTTP may lead up to TLS")
    func enterprise() async throws {
        let configuration: JSON = [
            "versions": [
                "repo_url": "https://git.example/a/b", "hosts": ["git.example"],
                "api_base": "http://git.example/api/v3/",
                "token": "s3cret",
            ]
        ]
        try await withCatalogs(configuration: configuration) { rig in
            rig.host.client.answer { request in
                request.url.hasPrefix("http://")
                    ? Self.redirect("https://git.example/api/v3/repos/a/b/tags", status: 308)
                    : .json(.array(FakeGitHub.tags(1)))
            }
            let answer = await rig.send(.post, Self.path)
            #expect(answer.json?["repo_url"] == "https://git.example/a/b")
            #expect(rig.host.client.requests[0].url == "http://git.example/api/v3/repos/a/b/tags?per_page=50&page=1")
            #expect(rig.host.client.requests.map { $0.headers["Authorization"] } == ["Bearer s3cret", "Bearer s3cret"])
        }
    }

    @Test(
        "a configuration that cannot work is refused at start",
        arguments: [
            (["api_base": "api.github.com"], "versions.api_base: expected an http or https address"),
            (["api_base": "https://x/api?a=b"], "versions.api_base: expected an http or https address"),
            (["hosts": ["https://git.example"]], "versions.hosts: expected host or host:port, not"),
            (["token": "a\nb\nc"], "versions.token: expected a text without control characters"),
        ] as [(JSON, String)])
    func configuration(section: JSON, problem: String) async throws {
        let error = await #expect(throws: TestHostError.self) {
            try await withCatalogs(configuration: ["versions": section]) { _ in }
        }
        #expect(error.map { "\($0)" }?.contains(problem) == true, "\(String(describing: error))")
    }
}
