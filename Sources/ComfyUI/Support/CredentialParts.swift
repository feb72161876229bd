public import PluginAPI

/// A user name and a password of which either may be missing; only both together are used.
public struct CredentialParts: Sendable, Equatable {
    /// The user name; empty when there is none.
    public var username: String
    /// The password; empty when there is none.
    public var password: Secret

    /// Makes a pair whose parts may be empty.
    public init(username: String = "", password: Secret = Secret("")) {
        self.username = username
        self.password = password
    }

    /// The pair, if both parts are there.
    public var pair: BasicCredentials? {
        guard !username.isEmpty, !password.isEmpty else { return nil }
        return BasicCredentials(username: username, password: password)
    }

    /// What is wrong with a user name; `nil` when it can be sent (RFC 7617 §2).
    public static func problem(ofUsername text: String) -> String? {
        text.utf8.contains(UInt8(ascii: ":")) ? "A user name has no colon" : problem(of: text)
    }

    /// What is wrong with a password; `nil` when it can be sent (RFC 7617 §2).
    public static func problem(ofPassword text: String) -> String? {
        problem(of: text)
    }

    /// The longest user name or password in bytes; servers take some kilobytes of header in all.
    private static let longest = 1024

    private static func problem(of text: String) -> String? {
        if text.utf8.count > longest { return "Longer than \(longest) bytes" }
        return text.utf8.contains { $0 < 32 || $0 == 127 } ? "Control characters cannot be sent" : nil
    }
}

extension ConfigReader {
    /// Reads a user name and the password that goes with it.
    public mutating func credentials(
        _ username: String, _ password: String, environment: (String, String)? = nil, _ help: String
    ) -> CredentialParts {
        CredentialParts(
            username: value(
                username, default: "", environment: environment?.0, help, check: CredentialParts.problem(ofUsername:)),
            password: value(
                password, default: Secret(""), environment: environment?.1, "Password that goes with \(username).",
                check: { $0.withExposed(CredentialParts.problem(ofPassword:)) }))
    }
}
