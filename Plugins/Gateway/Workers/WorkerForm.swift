import ComfyUI
import PluginAPI

/// The body of a registration or a change.
struct WorkerForm {
    /// The URL in one spelling.
    let url: String?
    /// The id the caller wishes.
    let id: String?
    /// The name.
    let name: String?
    /// The weight.
    let weight: Int?
    /// Whether new jobs go there.
    let enabled: Bool?
    /// The user name; empty clears it.
    let authUsername: String?
    /// The password; empty clears it.
    let authPassword: Secret?

    /// The longest name in bytes, as long as a URL.
    private static let longestName = ServerURL.longest

    /// Checks a body.
    ///
    /// - Throws: ``HTTPError`` 422.
    init(_ body: JSONObject, isNew: Bool) throws {
        var form = BodyForm(body)
        let given = isNew ? form.requiredString("url") : form.string("url")
        url = given.flatMap { ServerURL($0)?.text }
        if given != nil, url == nil, body["url"]?.stringValue != nil {
            form.reject(
                "url", "Input should be an http or https URL without credentials, query and fragment", isSecret: true)
        }
        var id: String?
        for key in ["executor_id", "worker_id"] where isNew {
            guard let wish = form.string(key) else { continue }
            id = wish
            if Self.isUsable(wish) { continue }
            form.reject(key, "Input should be 1 to 64 letters, digits, dots, hyphens or underscores")
        }
        self.id = id
        name = form.string("name")
        if let name, name.utf8.count > Self.longestName {
            form.reject("name", "Longer than \(Self.longestName) bytes", isSecret: true)
        }
        weight = form.integer("weight")
        enabled = form.bool("enabled")
        authUsername = form.username("auth_username")
        authPassword = form.password("auth_password")
        try form.finish()
    }

    private static func isUsable(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.".utf8.contains(byte)
            }
    }
}
