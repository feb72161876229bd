import PluginAPI
import Testing

/// `POST version-catalog/sync` over a real socket.
@Suite("the sync of ComfyUI's versions")
struct VersionSyncTests {
    private static let tags: [JSON] = (0..<130).reversed().map { number in
        [
            "name": .string("v0.3.\(number)"), "commit": ["sha": .string("sha\(number)")],
            "zipball_url": .string("https://api.github.com/zipball/\(number)"),
        ]
    }

    /// GitHub, where the repository has a new name, as ComfyUI's has.
    private static func gitHub() throws -> LocalServer {
        try LocalServer { request in
            guard request["User-Agent"]?.hasPrefix("comfyd") == true, request["Authorization"] == "Bearer t0ken" else {
                return LocalServer.Answer(status: 403)
            }
            let query = QueryItems(parsing: String(request.target.split(separator: "?").last ?? ""))
            guard request.target.hasPrefix("/repositories/1/tags") else {
                let query = request.target.drop { $0 != "?" }
                return LocalServer.Answer(status: 301, fields: [("Location", "/repositories/1/tags\(query)")])
            }
            let size = query["per_page"].flatMap { Int($0) } ?? 30
            let page = query["page"].flatMap { Int($0) } ?? 1
            return .json(.array(Array(tags.dropFirst((page - 1) * size).prefix(size))))
        }
    }

    private static let variables = [
        "COMFYUI_REPO_URL": "https://github.com/comfyanonymous/ComfyUI.git", "COMFYUI_REPO_API_TOKEN": "t0ken",
    ]

    @Test("tags are taken, page by page, and once")
    func sync() async throws {
        let gitHub = try Self.gitHub()
        var environment = Self.variables
        environment["COMFYUI_REPO_API_BASE"] = gitHub.url
        try await withDaemon("plugins: { catalogs: {} }", environment: environment) { daemon in
            let first = try await daemon.sendCatalogs("POST", "/version-catalog/sync")
            #expect(first.status == 200, "\(first)")
            #expect(first.json["repo_url"] == "https://github.com/comfyanonymous/ComfyUI")
            #expect(first.json["fetched_at"]?.stringValue?.hasSuffix("Z") == true)
            #expect(["total", "created", "updated"].map { first.json[$0] } == [50, 50, 0])
            let all = try await daemon.sendCatalogs("POST", "/version-catalog/sync?limit=200")
            #expect(["total", "created", "updated"].map { all.json[$0] } == [130, 80, 0])
            #expect(gitHub.requests.filter { $0.target.hasPrefix("/repositories") }.count == 3)
            let found = try await daemon.sendCatalogs("GET", "/version-catalog?q=V0.3.129")
            #expect(found.json["items"]?[0]?["commit_sha"] == "sha129")
            #expect(
                found.json["items"]?[0]?["source_url"] == "https://github.com/comfyanonymous/ComfyUI/tree/v0.3.129")
        }
    }

    @Test("nobody there, a used up limit and a strange host are errors with their codes")
    func failures() async throws {
        let busy = try LocalServer { _ in
            LocalServer.Answer(status: 403, fields: [("X-RateLimit-Remaining", "0"), ("Retry-After", "17")])
        }
        for (base, wait) in [(busy.url, "17"), (CatalogService.nobody, nil)] as [(String, String?)] {
            try await withDaemon(
                "plugins: { catalogs: {} }", environment: ["COMFYUI_REPO_API_BASE": base]
            ) { daemon in
                let answer = try await daemon.sendCatalogs("POST", "/version-catalog/sync")
                #expect(answer.status == 502)
                #expect(answer.json["detail"] == "COMFYUI_VERSION_SYNC_FAILED")
                #expect(answer["retry-after"] == wait)
            }
        }
        let environment = ["COMFYUI_REPO_URL": "https://github.com.example/a/b", "COMFYUI_REPO_API_BASE": busy.url]
        try await withDaemon("plugins: { catalogs: {} }", environment: environment) { daemon in
            let answer = try await daemon.sendCatalogs("POST", "/version-catalog/sync")
            #expect(answer.status == 400)
            #expect(answer.json["detail"] == "COMFYUI_VERSION_SOURCE_INVALID")
            #expect(busy.requests.count == 1)
        }
    }
}
