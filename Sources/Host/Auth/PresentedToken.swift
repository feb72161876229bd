import PluginAPI

/// Where a request carries its token.
enum PresentedToken: Equatable {
    /// Nowhere.
    case none
    /// There is one.
    case token(String)
    /// There should be one, but it cannot be read.
    case malformed

    /// Longer texts are no token of ours.
    private static let longest = 8192

    /// Looks at `Authorization: Bearer`, then `X-API-Key`, then Basic, where the token is the password and the user is ignored.
    ///
    /// `X-API-Key` comes before Basic because a proxy's own password may stand in `Authorization`.
    /// Other schemes are not ours and count as no token.
    init(_ headers: HTTPFields) {
        let authorizations = headers.values(for: "Authorization")
        let keys = headers.values(for: "X-API-Key")
        guard authorizations.count <= 1, keys.count <= 1 else {
            self = .malformed
            return
        }
        let (scheme, credentials) = Self.split(authorizations.first ?? "")
        if HTTPFields.same(scheme, "Bearer") {
            self = Self.checked(credentials)
        } else if let key = keys.first {
            self = Self.checked(key)
        } else if HTTPFields.same(scheme, "Basic") {
            self = Self.password(credentials).map(Self.checked) ?? .malformed
        } else {
            self = .none
        }
    }

    private static func split(_ value: String) -> (scheme: String, credentials: String) {
        let parts = value.split(maxSplits: 1) { $0 == " " || $0 == "\t" }
        guard let scheme = parts.first else { return ("", "") }
        return (String(scheme), parts.count > 1 ? String(parts[1].drop { $0 == " " || $0 == "\t" }) : "")
    }

    private static func checked(_ token: String) -> PresentedToken {
        token.isEmpty || token.utf8.count > longest ? .malformed : .token(token)
    }

    /// RFC 7617: the base64 of `user:password`.
    private static func password(_ credentials: String) -> String? {
        guard credentials.utf8.count <= 2 * longest, let bytes = Base64.decode(credentials),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return String(validating: bytes[(colon + 1)...], as: UTF8.self)
    }
}
