import PluginAPI

/// A user name and a password of which either may be missing; only both together are used.
struct CredentialParts: Sendable, Equatable {
    /// The user name; empty when there is none.
    var username = ""
    /// The password; empty when there is none.
    var password = Secret("")

    /// The pair, if both parts are there.
    var pair: BasicCredentials? {
        guard !username.isEmpty, !password.isEmpty else { return nil }
        return BasicCredentials(username: username, password: password)
    }

    /// What is wrong with a user name; `nil` when it can be sent (RFC 7617 §2).
    static func problem(ofUsername text: String) -> String? {
        text.utf8.contains(UInt8(ascii: ":")) ? "A user name has no colon" : problem(of: text)
    }

    /// What is wrong with a password; `nil` when it can be sent (RFC 7617 §2).
    static func problem(ofPassword text: String) -> String? {
        problem(of: text)
    }

    /// The longest user name or password in bytes; servers take some kilobytes of header in all.
    private static let longest = 1024

    private static func problem(of text: String) -> String? {
        if text.utf8.count > longest { return "Longer than \(longest) bytes" }
        return text.utf8.contains { $0 < 32 || $0 == 127 } ? "Control characters cannot be sent" : nil
    }
}

extension BodyForm {
    /// A user name for Basic authentication; absent and null give `nil`.
    mutating func username(_ key: String) -> String? {
        guard let text = string(key) else { return nil }
        if let problem = CredentialParts.problem(ofUsername: text) { reject(key, problem) }
        return text
    }

    /// A password for Basic authentication, which no refusal repeats; absent and null give `nil`.
    mutating func password(_ key: String) -> Secret? {
        guard let text = string(key, isSecret: true) else { return nil }
        if let problem = CredentialParts.problem(ofPassword: text) { reject(key, problem, isSecret: true) }
        return Secret(text)
    }
}
