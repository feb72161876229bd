package import PluginAPI

/// What an API key is to be made with, whoever asks for it.
package struct NewAPIKey: Sendable, Equatable {
    /// The scopes of a key for which none are named.
    package static let defaultScopes = ["jobs"]
    /// The most scopes of one key.
    package static let mostScopes = 64
    /// The bounds of ``lifetime``; a hundred years bound the arithmetic.
    package static let lifetimes: ClosedRange<Duration> = .seconds(1) ... .seconds(3_155_760_000)
    /// The bounds of ``rateLimit``.
    package static let rateLimits = 1...1_000_000

    /// A name for people.
    package var name: String
    /// What the key may do.
    package var scopes: [String]
    /// How long it is accepted; `nil` means until it is revoked.
    package var lifetime: Duration?
    /// Requests a minute; `nil` for no limit.
    package var rateLimit: Int?

    /// Describes a key; without scopes it gets ``defaultScopes``, with an empty list none.
    package init(name: String, scopes: [String]? = nil, lifetime: Duration? = nil, rateLimit: Int? = nil) {
        self.name = name
        self.scopes = scopes ?? Self.defaultScopes
        self.lifetime = lifetime
        self.rateLimit = rateLimit
    }

    /// Looks for values that make no sense.
    ///
    /// - Throws: ``APIKeyProblems`` with all of them.
    package func check() throws(APIKeyProblems) {
        var problems: [APIKeyProblems.Problem] = []
        if !Self.isName(name) {
            problems.append((.name, "a name of 1 to 200 characters without line breaks is needed"))
        }
        for scope in scopes where !Self.isScope(scope) {
            problems.append((.scopes, "a scope is 1 to 64 of the characters a-z 0-9 . : _ - *"))
        }
        if scopes.count > Self.mostScopes { problems.append((.scopes, "at most \(Self.mostScopes) scopes are taken")) }
        if let lifetime, !Self.lifetimes.contains(lifetime) {
            problems.append((.lifetime, "from one second to 100 years, such as \"30d\""))
        }
        if let rateLimit, !Self.rateLimits.contains(rateLimit) {
            problems.append((.rateLimit, "from 1 to \(Self.rateLimits.upperBound) requests a minute"))
        }
        guard problems.isEmpty else { throw APIKeyProblems(problems) }
    }

    private static func isName(_ text: String) -> Bool {
        (1...200).contains(text.unicodeScalars.count)
            && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    private static func isScope(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || ".:_-*".utf8.contains(byte)
            }
    }
}

/// What is wrong with the description of a new key.
package struct APIKeyProblems: HTTPErrorConvertible, CustomStringConvertible {
    /// One value and what is wrong with it.
    package typealias Problem = (field: Field, message: String)

    /// The values of a ``NewAPIKey``, by their names in the admin API.
    package enum Field: String, Sendable {
        case name
        case scopes
        case lifetime = "expires_in"
        case rateLimit = "rate_limit"

        /// The argument or option of `comfyd token create`.
        var option: String {
            switch self {
            case .name: "NAME"
            case .scopes: "--scope"
            case .lifetime: "--expires-in"
            case .rateLimit: "--rate-limit"
            }
        }
    }

    /// All problems.
    package let problems: [Problem]

    init(_ problems: [Problem]) {
        self.problems = problems
    }

    /// 422 with the places in the body.
    package var httpError: HTTPError {
        .invalid(problems.map { (["body", .string($0.field.rawValue)], $0.message) })
    }

    /// The problems as the command line names them.
    package var description: String {
        problems.map { "\($0.field.option): \($0.message)" }.joined(separator: "; ")
    }
}
