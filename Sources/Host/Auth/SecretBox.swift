import COpenSSL
package import PluginAPI

/// Seals secrets with AES-256-GCM (NIST SP 800-38D) under the key in `state_dir/secret.key`.
///
/// A sealed text is `v1:` and the base64url of a 12-byte nonce, the cipher text and a 16-byte tag. Nonces are random,
/// which is safe for some 2^32 secrets under one key.
package struct SecretBox: SecretSealing {
    private static let version = "v1:"
    private static let nonceSize = 12
    private static let tagSize = 16

    private let key: [UInt8]

    /// Takes a key of 32 bytes.
    ///
    /// - Throws: ``SealingError`` for a key of another size.
    package init(key: [UInt8]) throws {
        guard key.count == 32 else { throw SealingError("the key has \(key.count) bytes instead of 32") }
        self.key = key
    }

    /// Reads the key from `secret.key` in a directory; makes a random one at the first start.
    ///
    /// - Throws: ``PrivateFileError`` when the file cannot be read, made, or has not 32 bytes.
    package static func load(stateDirectory: String, logger: Logger) throws -> SecretBox {
        let file = PrivateFile(path: stateDirectory + "/secret.key")
        let (key, isNew) = try file.readOrCreate(logger: logger) { RandomID.bytes(32) }
        guard key.count == 32 else {
            throw PrivateFileError(file.path, "has \(key.count) bytes instead of 32; restore it from a backup")
        }
        if isNew { logger.notice("made the key that seals stored secrets", ["path": file.path]) }
        return try SecretBox(key: key)
    }

    package func seal(_ secret: Secret) throws -> String {
        let plain = secret.withExposed { Array($0.utf8) }
        let nonce = RandomID.bytes(Self.nonceSize)
        let context = try CipherContext(key: key, nonce: nonce, encrypts: true)
        let cipher = try context.update(plain)
        let tag = try context.finishEncryption(tagSize: Self.tagSize)
        return Self.version + Base64.encodeURL(nonce + cipher + tag)
    }

    package func open(_ sealed: String) throws -> Secret {
        guard sealed.hasPrefix(Self.version) else { throw SealingError("the sealed text has an unknown version") }
        guard let bytes = Base64.decode(sealed.dropFirst(Self.version.count)),
            bytes.count >= Self.nonceSize + Self.tagSize
        else { throw SealingError("the sealed text is damaged") }
        let nonce = Array(bytes.prefix(Self.nonceSize))
        let cipher = Array(bytes.dropFirst(Self.nonceSize).dropLast(Self.tagSize))
        let context = try CipherContext(key: key, nonce: nonce, encrypts: false)
        let plain = try context.update(cipher)
        guard context.verify(tag: Array(bytes.suffix(Self.tagSize))) else {
            throw SealingError("the sealed text was changed, or sealed with another key")
        }
        return Secret(String(decoding: plain, as: UTF8.self))
    }
}

/// Why a secret cannot be sealed or opened; says nothing of its content.
package struct SealingError: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// One encryption or decryption.
private final class CipherContext {
    private let context: OpaquePointer

    init(key: [UInt8], nonce: [UInt8], encrypts: Bool) throws {
        guard let context = EVP_CIPHER_CTX_new() else { throw SealingError("no memory") }
        self.context = context
        // GCM's own nonce size is the 12 bytes that are passed.
        guard EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypts ? 1 : 0) == 1 else {
            throw SealingError("AES-256-GCM does not start")
        }
    }

    deinit {
        EVP_CIPHER_CTX_free(context)
    }

    func update(_ input: [UInt8]) throws -> [UInt8] {
        guard !input.isEmpty else { return [] }
        guard let count = Int32(exactly: input.count) else { throw SealingError("the secret is too large") }
        var output = [UInt8](repeating: 0, count: input.count)
        var written: Int32 = 0
        guard EVP_CipherUpdate(context, &output, &written, input, count) == 1, written == count else {
            throw SealingError("AES-256-GCM failed")
        }
        return output
    }

    func finishEncryption(tagSize: Int) throws -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: tagSize)
        guard finish(), EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tagSize), &tag) == 1 else {
            throw SealingError("AES-256-GCM failed")
        }
        return tag
    }

    func verify(tag: [UInt8]) -> Bool {
        var tag = tag
        return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1 && finish()
    }

    private func finish() -> Bool {
        var rest = [UInt8](repeating: 0, count: 16)
        var count: Int32 = 0
        return EVP_CipherFinal_ex(context, &rest, &count) == 1
    }
}
