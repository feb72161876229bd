import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// `POST /version-catalog/sync`: `spec/catalogs.md` §4.
@Suite struct VersionSyncTests {
    private static let path = "/version-catalog/sync"

    private func versions(_ rig: CatalogsRig) async throws -> [JSON] {
        try #require(await rig.send(.get, "/version-catalog").json?["items"]?.arrayValue)
    }

    @Test("tags become versions, the newest first")
    func created() async throws {
        try await withCatalogs { rig in
            rig.host.client.answer(FakeGitHub.pages(of: FakeGitHub.tags(3)))
            let answer = await rig.send(.post, Self.path)
            #expect(answer.status == .ok)
            #expect(
                answer.json == [
                    "repo_url": "https://github.com/comfyanonymous/ComfyUI", "fetched_at": "2026-01-01T00:00:00.000Z",
                    "total": 3, "created": 3, "updated": 0, "skipped": 0,
                ])
            let rows = try await versions(rig)
            #expect(rows.map { $0["version"] } == ["v3", "v2", "v1"])
            let repository: JSON = "https://github.com/comfyanonymous/ComfyUI"
            let expected: JSONObject = [
                "commit_sha": "sha-of-v3", "repo_url": repository,
                "source_url": "https://github.com/comfyanonymous/ComfyUI/tree/v3",
                "download_url": "https://api.github.com/repos/comfyanonymous/ComfyUI/zipball/refs/tags/v3",
                "released_at": .null, "notes": .null, "status": "active",
            ]
            for (key, value) in expected { #expect(rows[0][key] == value, "\(key)") }
            let request = try #require(rig.host.client.requests.first)
            #expect(request.url == "https://api.github.com/repos/comfyanonymous/ComfyUI/tags?per_page=50&page=1")
            #expect(request.timeout == .seconds(15) && request.idleTimeout == .seconds(15))
            #expect(!request.headers.contains("Authorization"))
        }
    }

    @Test("a version that is there keeps what it has; only empty fields are filled, each change is in the audit table")
    func incremental() async throws {
        try await withCatalogs { rig in
            _ = await rig.send(
                .post, "/version-catalog",
                ["version": "v1", "commit_sha": "mine", "notes": "kept", "status": "inactive"])
            rig.host.client.answer(FakeGitHub.pages(of: FakeGitHub.tags(2)))
            rig.host.clock.advance(by: .seconds(5))
            let first = await rig.send(.post, Self.path)
            #expect([first.json?["created"], first.json?["updated"]] == [1, 1])
            let row = try #require(try await versions(rig).first { $0["version"] == "v1" })
            let expected: JSONObject = [
                "commit_sha": "mine", "notes": "kept", "status": "inactive",
                "repo_url": "https://github.com/comfyanonymous/ComfyUI",
                "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:05.000Z",
            ]
            for (key, value) in expected { #expect(row[key] == value, "\(key)") }

            rig.host.clock.advance(by: .seconds(5))
            let second = await rig.send(.post, Self.path)
            #expect([second.json?["total"], second.json?["created"], second.json?["updated"]] == [2, 0, 0])
            #expect(try await versions(rig).allSatisfy { $0["updated_at"] == "2026-01-01T00:00:05.000Z" })
            let audited = try await rig.host.database.read { connection in
                try connection.all("SELECT action, row_key FROM catalogs_audit ORDER BY id") { row in
                    "\(try row.get("action", as: String.self)) \(try row.get("row_key", as: String.self))"
                }
            }
            #expect(audited == ["create v1", "update v1", "create v2"])
        }
    }

    @Test(
        "pages are read until there are enough tags, or no more",
        arguments: [
            ("", 120, 50, ["per_page=50&page=1"]), ("?limit=1", 120, 1, ["per_page=1&page=1"]),
            ("?limit=150", 120, 120, ["per_page=100&page=1", "per_page=100&page=2"]),
            ("?limit=150", 300, 150, ["per_page=100&page=1", "per_page=100&page=2"]),
            ("?limit=200", 100, 100, ["per_page=100&page=1", "per_page=100&page=2"]),
            ("?limit=200", 99, 99, ["per_page=100&page=1"]), ("?limit=", 7, 7, ["per_page=50&page=1"]),
        ] as [(String, Int, Int, [String])])
    func paging(query: String, tags: Int, total: Int, pages: [String]) async throws {
        try await withCatalogs { rig in
            rig.host.client.answer(FakeGitHub.pages(of: FakeGitHub.tags(tags)))
            let answer = await rig.send(.post, Self.path + query)
            #expect(answer.json?["total"] == .number(JSONNumber(total)))
            #expect(answer.json?["created"] == .number(JSONNumber(total)))
            #expect(rig.host.client.requests.map { $0.url.split(separator: "?").last.map(String.init) } == pages)
        }
    }

    @Test("a limit outside 1…200 is 422, and nobody is asked", arguments: ["0", "201", "-1", "many", "1e2"])
    func limits(limit: String) async throws {
        try await withCatalogs { rig in
            let answer = await rig.send(.post, Self.path + "?limit=\(limit)")
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?[0]?["loc"] == ["query", "limit"])
            #expect(rig.host.client.requests.isEmpty)
        }
    }

    @Test("a tag that cannot be a version is skipped, and a field that cannot be stored stays empty")
    func oddTags() async throws {
        let longest = String(repeating: "9", count: 64)
        let odd: [JSON] = [
            [:], ["name": ""], ["name": .null], ["name": 5], "v1", .null, ["name": .string(longest + "9")],
            ["name": "a\u{0}b"], ["name": " v1"],
        ]
        let kept: [JSON] = [
            ["name": .string(longest), "commit": "none", "zipball_url": "javascript:alert(1)"],
            ["name": "release/1 #ü", "commit": ["sha": .string(longest + "9")], "zipball_url": 5], FakeGitHub.tag("v1"),
        ]
        try await withCatalogs { rig in
            // A tag that was pushed while the pages were read comes twice.
            rig.host.client.answer(FakeGitHub.pages(of: odd + kept + [FakeGitHub.tag("v1")]))
            let answer = await rig.send(.post, Self.path)
            #expect(answer.status == .ok, "\(answer.text)")
            #expect([answer.json?["total"], answer.json?["created"], answer.json?["skipped"]] == [13, 3, 9])
            let rows = try await versions(rig)
            #expect(rows.map { $0["version"] } == [.string(longest), "release/1 #ü", "v1"])
            #expect(rows.map { $0["commit_sha"] } == [.null, .null, "sha-of-v1"])
            #expect(rows[0]["download_url"] == .null && rows[1]["download_url"] == .null)
            #expect(
                rows[1]["source_url"]
                    == "https://github.com/comfyanonymous/ComfyUI/tree/release/1%20%23%C3%BC")
        }
    }

    @Test(
        "a repository that is none of GitHub is 400, and nobody is asked",
        arguments: [
            "", "ftp://github.com/a/b", "github.com/a/b", "https://github.com/a", "https://github.com//",
            "https://github.com.evil.example/a/b", "https://evil.example/github.com/a/b", "https://notgithub.com/a/b",
            "https://github.com@evil.example/a/b", "https://github.com:8443/a/b", "https://github.com/../b",
            "https://github.com/a/.git", "https://github.com/a%2Fb/c", "https://git.example/a/b", "https:///a/b",
        ])
    func sources(url: String) async throws {
        let configuration: JSON = ["versions": ["repo_url": .string(url), "hosts": ["git.example:8443"]]]
        try await withCatalogs(configuration: configuration) { rig in
            let answer = await rig.send(.post, Self.path)
            #expect(answer.status == .badRequest)
            #expect(answer.json?["detail"] == "COMFYUI_VERSION_SOURCE_INVALID")
            #expect(rig.host.client.requests.isEmpty)
        }
    }

    @Test(
        "a repository's address is taken in the forms that people write",
        arguments: [
            ("https://github.com/a/b", "https://github.com/a/b"),
            ("HTTPS://GitHub.com/A/b.git", "https://github.com/A/b"),
            ("http://www.github.com:80/a/b/tree/master?x#y", "http://www.github.com/a/b"),
            (" https://github.com//a//b/ ", "https://github.com/a/b"),
            ("https://git.example:8443/a/b.c.git/", "https://git.example:8443/a/b.c"),
        ])
    func forms(given: String, shown: String) async throws {
        let configuration: JSON = ["versions": ["repo_url": .string(given), "hosts": ["Git.example:8443"]]]
        try await withCatalogs(configuration: configuration) { rig in
            rig.host.client.answer(FakeGitHub.pages(of: FakeGitHub.tags(1)))
            #expect(await rig.send(.post, Self.path).json?["repo_url"] == .string(shown))
        }
    }
}
