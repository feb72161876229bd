/// Who makes a request.
public struct Principal: Sendable, Hashable, Codable {
    /// The kind of caller.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// The operator: may do everything.
        case admin
        /// The holder of an API key.
        case apiKey
        /// An agent with its token (`spec/agents.md` §2).
        case agent
    }

    /// The kind of caller.
    public var kind: Kind
    /// A stable id: of the key or the agent, `admin` for the operator.
    public var id: String
    /// A name for people.
    public var name: String
    /// What it may do besides being authenticated.
    public var scopes: [String]
    /// The requests a minute to which the host holds it; `nil` for no limit of its own.
    public var rateLimit: Int?

    /// Makes a principal.
    public init(kind: Kind, id: String, name: String, scopes: [String] = []) {
        self.kind = kind
        self.id = id
        self.name = name
        self.scopes = scopes
    }

    /// Whether the caller passes ``Access/scope(_:)``.
    public func has(scope: String) -> Bool {
        kind == .admin || scopes.contains(scope)
    }
}

/// Tells who makes a request.
public protocol Authenticator: Sendable {
    /// The caller, by `Authorization: Bearer`, `X-API-Key` or Basic with a token as password; `nil` when there is no token.
    ///
    /// - Throws: ``HTTPError`` 401 `auth.invalid_token` when a token is there and wrong, expired or revoked.
    func principal(for request: Request) async throws -> Principal?
}

/// Seals secrets for storage with the daemon's own key (AES-256-GCM, `state_dir/secret.key`).
public protocol SecretSealing: Sendable {
    /// Seals a secret; the result is printable and starts with a version.
    func seal(_ secret: Secret) throws -> String
    /// Opens what ``seal(_:)`` made.
    ///
    /// - Throws: when the text was changed or sealed with another key.
    func open(_ sealed: String) throws -> Secret
}

/// A text that must not be printed, such as a password or a token.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    private let text: String

    /// Hides a text.
    public init(_ text: String) {
        self.text = text
    }

    /// Whether it is the empty text.
    public var isEmpty: Bool { text.isEmpty }

    /// Gives the text to a closure.
    public func withExposed<T>(_ body: (String) throws -> T) rethrows -> T {
        try body(text)
    }

    /// `***`.
    public var description: String { "***" }
    /// Shows nothing to a debugger's or logger's reflection.
    public var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Compares in a time that depends on the lengths alone.
    public static func == (lhs: Secret, rhs: Secret) -> Bool {
        var difference = lhs.text.utf8.count ^ rhs.text.utf8.count
        for (left, right) in zip(lhs.text.utf8, rhs.text.utf8) { difference |= Int(left ^ right) }
        return difference == 0
    }
}
