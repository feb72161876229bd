import PluginAPI

/// The keys that tokens are signed and checked with, by key id (`spec/agents.md` §2).
struct KeyRing: Sendable, Equatable {
    /// A key and its id.
    struct Entry: Sendable, Equatable {
        /// The id, which travels in the token's header.
        let id: String
        /// The secret.
        let secret: Secret
    }

    /// The keys in the order in which they were given.
    let entries: [Entry]
    /// The one that signs.
    let signing: Entry

    /// Takes keys.
    ///
    /// - Parameter defaultID: The id of the key that signs; `nil` for the first one.
    /// - Throws: ``KeyRingProblem``.
    init(_ entries: [Entry], defaultID: String?) throws(KeyRingProblem) {
        guard !entries.isEmpty else { throw KeyRingProblem("there is no key") }
        for entry in entries where entry.secret.withExposed({ $0.utf8.count }) < Self.shortestSecret {
            throw KeyRingProblem("the secret of key \"\(entry.id)\" has less than \(Self.shortestSecret) bytes")
        }
        guard Set(entries.map(\.id)).count == entries.count else { throw KeyRingProblem("two keys have the same id") }
        guard let signing = defaultID.map({ id in entries.first { $0.id == id } }) ?? entries.first else {
            throw KeyRingProblem("the default key \"\(defaultID ?? "")\" is not in the list")
        }
        self.entries = entries
        self.signing = signing
    }

    /// The shortest secret in bytes: as long as the hash (RFC 7518 §3.2).
    static let shortestSecret = 32

    /// Reads `kid:secret,kid:secret`; an entry without a colon gets the id `default`.
    static func entries(_ text: String) -> [Entry] {
        text.split(whereSeparator: { $0 == "," || $0.isNewline }).compactMap { part in
            let line = part.trimmed
            guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
            guard let colon = line.firstIndex(of: ":") else { return Entry(id: "default", secret: Secret(line)) }
            return Entry(
                id: line[..<colon].trimmed, secret: Secret(line[line.index(after: colon)...].trimmed))
        }
    }

    /// The key for a token.
    ///
    /// - Throws: ``HTTPError`` 401 `AGENT_TOKEN_KID_REQUIRED`, `AGENT_TOKEN_KID_INVALID`.
    func key(for id: String?) throws(HTTPError) -> Secret {
        guard let id else {
            guard entries.count == 1 else { throw HTTPError(.kidRequired) }
            return signing.secret
        }
        if let entry = entries.first(where: { $0.id == id }) { return entry.secret }
        // As the agents do: with one key its id does not matter.
        guard entries.count == 1 else { throw HTTPError(.kidInvalid) }
        return signing.secret
    }
}

/// Why keys cannot be used; has no secret.
struct KeyRingProblem: Error, CustomStringConvertible {
    /// The reason.
    let description: String

    /// Makes a problem.
    init(_ description: String) {
        self.description = description
    }
}
