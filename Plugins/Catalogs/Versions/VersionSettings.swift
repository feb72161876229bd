import PluginAPI

/// Where ComfyUI's versions are read from.
struct VersionSettings: ConfigurationSection {
    /// The repository, as written; it is looked at when a sync is asked for.
    let repositoryURL: String
    /// The base of GitHub's REST API.
    let apiBase: String
    /// The token for it, if any.
    let token: Secret?
    /// Hosts that repositories may be on besides github.com.
    let hosts: [String]

    init(_ config: inout ConfigReader) {
        repositoryURL = config.value(
            "repo_url", default: "https://github.com/comfyanonymous/ComfyUI", environment: "COMFYUI_REPO_URL",
            "The repository whose tags POST /api/admin/comfyui/version-catalog/sync reads.")
        apiBase = config.value(
            "api_base", default: "https://api.github.com", environment: "COMFYUI_REPO_API_BASE",
            "The base of GitHub's REST API; https://HOST/api/v3 for GitHub Enterprise.",
            check: { WebAddress($0)?.target.contains("?") == false ? nil : "expected an http or https address" })
        token = config.optional(
            "token", as: Secret.self, environment: "COMFYUI_REPO_API_TOKEN",
            "A token for that API; without one GitHub allows 60 requests an hour and address.",
            check: { $0.withExposed(HTTPFields.isValid(value:)) ? nil : "expected a text without control characters" })
        hosts = config.value(
            "hosts", default: [String](),
            "Hosts besides github.com on which the repository may be, such as github.example.com or git.local:8443.",
            check: { hosts in
                hosts.first { WebAddress("https://\($0)")?.authority != $0.lowercased() }
                    .map { "expected host or host:port, not \(JSON.string($0).text())" }
            })
    }
}
