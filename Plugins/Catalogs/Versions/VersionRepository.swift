import PluginAPI

/// The repository whose tags are ComfyUI's versions.
struct VersionRepository: Sendable, Equatable {
    /// Who owns it.
    let owner: String
    /// Its name, without `.git`.
    let name: String
    /// Its address, without `.git` and without what followed the name.
    let url: String

    /// The hosts that are always taken.
    static let knownHosts = ["github.com", "www.github.com"]

    /// Reads an address such as `https://github.com/comfyanonymous/ComfyUI.git`.
    ///
    /// - Parameter hosts: Hosts besides ``knownHosts``, with a port where it is not the scheme's own.
    /// - Throws: ``HTTPError`` 400 `COMFYUI_VERSION_SOURCE_INVALID`.
    init(_ text: String, hosts: [String]) throws(HTTPError) {
        guard let address = WebAddress(text.trimmed) else {
            throw Self.invalid("It is not an http or https address.")
        }
        guard (Self.knownHosts + hosts.map { $0.lowercased() }).contains(address.authority) else {
            throw Self.invalid("Its host is neither github.com nor one of versions.hosts.")
        }
        let segments = address.segments
        guard segments.count >= 2 else { throw Self.invalid("It does not name an owner and a repository.") }
        let owner = segments[0]
        let name = segments[1].hasSuffix(".git") ? segments[1].dropLast(4) : segments[1]
        guard Self.isName(owner), Self.isName(name) else {
            throw Self.invalid("Its owner or its repository has a name that GitHub does not allow.")
        }
        self.owner = String(owner)
        self.name = String(name)
        url = "\(address.isSecure ? "https" : "http")://\(address.authority)/\(owner)/\(name)"
    }

    /// GitHub's letters; nothing that means something in a path.
    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122: true
                default: "-._".utf8.contains(byte)
                }
            }
    }

    private static func invalid(_ reason: String) -> HTTPError {
        HTTPError(
            .badRequest, "COMFYUI_VERSION_SOURCE_INVALID",
            "versions.repo_url (COMFYUI_REPO_URL) names no repository of GitHub. \(reason)")
    }
}
