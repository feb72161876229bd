package import PluginAPI

/// The tokens of the operator: those of the configuration, or the one made at the first start.
package struct AdminToken: Sendable {
    /// The file with the generated token; `nil` when the configuration has tokens.
    package let path: String?
    private let hashes: [[UInt8]]

    /// Takes tokens over.
    ///
    /// - Throws: ``PrivateFileError`` when one is empty.
    package init(_ tokens: [Secret], path: String? = nil) throws {
        guard !tokens.contains(where: \.isEmpty) else {
            throw PrivateFileError(path ?? "auth.admin_tokens", "has an empty token")
        }
        self.path = path
        hashes = tokens.map { token in token.withExposed { SHA256.hash($0) } }
    }

    /// Takes the configured tokens; without any, reads `admin.token` in a directory or makes it with a random token.
    ///
    /// - Throws: ``PrivateFileError`` when a token is empty, or the file cannot be read or made.
    package static func load(configured: [Secret], stateDirectory: String, logger: Logger) throws -> AdminToken {
        guard configured.isEmpty else {
            if configured.contains(where: { token in token.withExposed { $0.utf8.count < 16 } }) {
                logger.warning("an admin token of the configuration has less than 16 characters")
            }
            return try AdminToken(configured)
        }
        let file = PrivateFile(path: Self.path(in: stateDirectory))
        let (content, isNew) = try file.readOrCreate(logger: logger) {
            Array("comfyd_admin_\(Base64.encodeURL(RandomID.bytes(32)))\n".utf8)
        }
        if isNew { logger.notice("made an admin token", ["path": file.path]) }
        return try AdminToken([Secret(line(content))], path: file.path)
    }

    /// Where the generated token is kept.
    package static func path(in stateDirectory: String) -> String {
        stateDirectory + "/admin.token"
    }

    /// The text without the white space that editors put around it.
    private static func line(_ content: [UInt8]) -> String {
        let isBlank = { (byte: UInt8) in byte <= 32 }
        let trimmed = content.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        return String(decoding: Array(trimmed), as: UTF8.self)
    }

    /// Whether a token is one of them; hashes are compared, all of them, so that the time says nothing.
    package func matches(_ token: String) -> Bool {
        let hash = SHA256.hash(token)
        var isMatch = false
        for known in hashes where ConstantTime.areEqual(known, hash) { isMatch = true }
        return isMatch
    }
}
