import PluginAPI
import PluginTestKit

/// GitHub's list of tags, as its documentation shows it.
enum FakeGitHub {
    /// An item of the list.
    static func tag(_ name: String) -> JSON {
        [
            "name": .string(name), "zipball_url": .string("\(repository)/zipball/refs/tags/\(name)"),
            "tarball_url": .string("\(repository)/tarball/refs/tags/\(name)"),
            "commit": ["sha": .string("sha-of-\(name)"), "url": .string("\(repository)/commits/sha-of-\(name)")],
            "node_id": "REF_1",
        ]
    }

    /// The newest first: `v3`, `v2`, `v1`.
    static func tags(_ count: Int) -> [JSON] { (1...count).reversed().map { tag("v\($0)") } }

    /// Answers with the pages of a list.
    static func pages(of tags: [JSON]) -> StubHTTPClient.Handler {
        { request in
            let query = QueryItems(parsing: String(request.url.split(separator: "?").last ?? ""))
            guard let size = query["per_page"].flatMap({ Int($0) }), (1...100).contains(size),
                let page = query["page"].flatMap({ Int($0) }), page >= 1
            else { return ClientResponse(status: 422) }
            return .json(.array(Array(tags.dropFirst((page - 1) * size).prefix(size))))
        }
    }

    private static let repository = "https://api.github.com/repos/comfyanonymous/ComfyUI"
}
