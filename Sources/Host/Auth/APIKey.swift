package import PluginAPI

/// An API key as it is stored: everything but the key itself.
package struct APIKey: Sendable, Equatable {
    /// The id, which is part of the key's text.
    package var id: String
    /// A name for people.
    package var name: String
    /// The beginning of the key's text, by which its holder recognizes it.
    package var prefix: String
    /// What it may do.
    package var scopes: [String]
    /// When it was made.
    package var createdAt: Timestamp
    /// From when on it is refused.
    package var expiresAt: Timestamp?
    /// When it was revoked.
    package var revokedAt: Timestamp?
    /// When it was last used, to about a minute.
    package var lastUsedAt: Timestamp?
    /// Requests per minute; `nil` for no limit of its own.
    package var rateLimit: Int?

    /// Whether it is accepted at a moment.
    package func isValid(at moment: Timestamp) -> Bool {
        guard revokedAt == nil else { return false }
        return expiresAt.map { moment < $0 } ?? true
    }

    /// Who the holder is.
    package var principal: Principal {
        var principal = Principal(kind: .apiKey, id: id, name: name, scopes: scopes)
        principal.rateLimit = rateLimit
        return principal
    }
}

/// A new key and its text, which is shown once and stored nowhere.
package struct IssuedAPIKey: Sendable {
    /// What is stored.
    package var key: APIKey
    /// `ck_<id>_<secret>`.
    package var text: Secret
}

/// The text of an API key, `ck_<id>_<secret>`.
///
/// The secret is 32 random bytes, so a single SHA-256 is enough to store it: a slow hash such as scrypt makes guessing expensive for
/// secrets that people choose, but nobody can guess 256 random bits, and every request would pay for it.
struct APIKeyText {
    static let marker = "ck_"

    let id: String
    let text: String

    /// Makes a new one.
    init() {
        id = Hex.encode(RandomID.bytes(8))
        text = "\(Self.marker)\(id)_\(Base64.encodeURL(RandomID.bytes(32)))"
    }

    /// Takes a token apart; `nil` when it has another form.
    init?(parsing token: String) {
        guard token.hasPrefix(Self.marker) else { return nil }
        // The id has no "_", the secret may.
        let parts = token.dropFirst(Self.marker.count).split(
            separator: "_", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, (1...32).contains(parts[0].utf8.count), !parts[1].isEmpty else { return nil }
        id = String(parts[0])
        text = token
    }

    /// What people see of it.
    var prefix: String { Self.marker + id }
    /// What is stored.
    var hash: [UInt8] { SHA256.hash(text) }
}
