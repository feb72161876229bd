import Glibc
import Host
import PluginAPI
import Testing

@Suite("Secrets and their files")
struct SecretTests {
    @Test("a sealed secret opens again, whatever is in it", arguments: ["", "hunter2", "pässwörd 🦊", "a\u{0}b"])
    func roundTrip(text: String) throws {
        let box = try SecretBox(key: RandomID.bytes(32))
        let sealed = try box.seal(Secret(text))
        #expect(sealed.hasPrefix("v1:"))
        #expect(text.isEmpty || !sealed.contains(text))
        #expect(try box.open(sealed).exposed == text)
        #expect(try box.seal(Secret(text)) != sealed)
    }

    @Test("the format is nonce, cipher text and tag of AES-256-GCM")
    func knownAnswer() throws {
        // Test case 14 of McGrew and Viega's GCM submission: key, nonce and the 16 bytes of text are zeros.
        let box = try SecretBox(key: [UInt8](repeating: 0, count: 32))
        let cipher: [UInt8] = [
            0xCE, 0xA7, 0x40, 0x3D, 0x4D, 0x60, 0x6B, 0x6E, 0x07, 0x4E, 0xC5, 0xD3, 0xBA, 0xF3, 0x9D, 0x18,
        ]
        let tag: [UInt8] = [
            0xD0, 0xD1, 0xC8, 0xA7, 0x99, 0x99, 0x6B, 0xF0, 0x26, 0x5B, 0x98, 0xB5, 0xD4, 0x8A, 0xB9, 0x19,
        ]
        let sealed = "v1:" + Base64.encodeURL([UInt8](repeating: 0, count: 12) + cipher + tag)
        #expect(try box.open(sealed).exposed == String(repeating: "\u{0}", count: 16))
    }

    @Test("every changed byte, another key, a cut and another version are refused without showing the content")
    func tampering() throws {
        let key = RandomID.bytes(32)
        let box = try SecretBox(key: key)
        let sealed = try box.seal(Secret("top secret"))
        let bytes = try #require(Base64.decode(sealed.dropFirst(3)))
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(throws: SealingError.self) { try box.open("v1:" + Base64.encodeURL(changed)) }
        }
        let other = try SecretBox(key: RandomID.bytes(32))
        let error = #expect(throws: SealingError.self) { try other.open(sealed) }
        #expect(error?.description == "the sealed text was changed, or sealed with another key")
        for text in ["", "v1:", "v2:" + sealed.dropFirst(3), String(sealed.dropLast(4)), "v1:???", "v1:AAAA"] {
            #expect(throws: SealingError.self) { try box.open(text) }
        }
    }

    @Test("the key file is made once, with mode 0600")
    func keyFile() throws {
        let directory = try StorageDirectory()
        let sealed = try SecretBox.load(stateDirectory: directory.path, logger: Logger()).seal(Secret("x"))
        #expect(directory.mode(of: "secret.key") == 0o600)
        #expect(directory.content(of: "secret.key")?.count == 32)
        #expect(directory.names == ["secret.key"])
        #expect(try SecretBox.load(stateDirectory: directory.path, logger: Logger()).open(sealed).exposed == "x")
    }

    @Test(
        "a key file that others may read is warned about and corrected", arguments: [0o644, 0o640, 0o604] as [UInt32])
    func openMode(mode: UInt32) throws {
        let directory = try StorageDirectory()
        try directory.write(RandomID.bytes(32), to: "secret.key", mode: mode)
        let sink = LineSink()
        _ = try SecretBox.load(stateDirectory: directory.path, logger: Logger(sink: sink))
        #expect(sink.count("a secret could be read by other users") == 1)
        #expect(directory.mode(of: "secret.key") == 0o600)
    }

    @Test("a key file of the wrong size, a directory and a missing directory are errors that name the path")
    func wrongKeyFile() throws {
        let directory = try StorageDirectory()
        try directory.write(RandomID.bytes(31), to: "secret.key")
        let load = { (path: String) in try SecretBox.load(stateDirectory: path, logger: Logger()) }
        let error = #expect(throws: PrivateFileError.self) { _ = try load(directory.path) }
        #expect(error?.description.contains("secret.key has 31 bytes") == true)
        #expect(directory.content(of: "secret.key")?.count == 31)
        #expect(throws: PrivateFileError.self) { _ = try load(directory.path + "/nowhere") }
        unlink(directory.file("secret.key"))
        mkdir(directory.file("secret.key"), 0o700)
        #expect(throws: PrivateFileError.self) { _ = try load(directory.path) }
        rmdir(directory.file("secret.key"))
    }

    @Test("starting many times at once makes one key")
    func concurrentStart() async throws {
        let directory = try StorageDirectory()
        let keys = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<16 {
                group.addTask {
                    try PrivateFile(path: directory.file("k")).readOrCreate(logger: Logger()) { RandomID.bytes(32) }
                        .content
                }
            }
            return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        #expect(keys.count == 1)
        #expect(directory.names == ["k"])
    }

    @Test("base64url goes both ways for every length, and the standard form is read")
    func base64() {
        for count in 0..<50 {
            let bytes = RandomID.bytes(count)
            let text = Base64.encodeURL(bytes)
            #expect(!text.contains("=") && !text.contains("+") && !text.contains("/"))
            #expect(Base64.decode(text) == bytes)
        }
        #expect(Base64.encodeURL([0xFB, 0xFF]) == "-_8")
        #expect(Base64.decode("+/8=") == [0xFB, 0xFF])
        #expect(Base64.decode("Zm9vYmFy") == Array("foobar".utf8))
        for wrong in ["A", "AAAAA", "A A=", "AB", "A===", "ä"] { #expect(Base64.decode(wrong) == nil) }
    }

    @Test("hash, hexadecimal digits and UUID have their standard forms")
    func forms() {
        #expect(
            Hex.encode(SHA256.hash("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Hex.decode("00fFa0".utf8) == [0, 255, 160])
        #expect(Hex.decode("0".utf8) == nil)
        #expect(Hex.decode("0g".utf8) == nil)
        let ids = (0..<100).map { _ in RandomID.uuid() }
        #expect(Set(ids).count == 100)
        for id in ids {
            let parts = id.split(separator: "-").map(String.init)
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].first == "4" && "89ab".contains(parts[3].prefix(1)))
            #expect(id == id.lowercased())
        }
    }
}

@Suite("Admin token")
struct AdminTokenTests {
    @Test("a token is made at the first start, private, and read again later")
    func generated() throws {
        let directory = try StorageDirectory()
        let load = { try AdminToken.load(configured: [], stateDirectory: directory.path, logger: Logger()) }
        let first = try load()
        #expect(directory.mode(of: "admin.token") == 0o600)
        let text = String(decoding: try #require(directory.content(of: "admin.token")), as: UTF8.self)
        #expect(text.hasPrefix("comfyd_admin_") && text.hasSuffix("\n"))
        let token = String(text.dropLast())
        #expect(Base64.decode(token.dropFirst(13))?.count == 32)
        #expect(first.path == directory.file("admin.token"))
        #expect(first.matches(token))
        #expect(try load().matches(token))
        #expect(!first.matches(text) && !first.matches("") && !first.matches(String(token.dropLast())))
    }

    @Test("configured tokens are used instead of a file, all of them")
    func configured() throws {
        let directory = try StorageDirectory()
        let tokens = try AdminToken.load(
            configured: [Secret("first-token-of-operator"), Secret("second-token-of-operator")],
            stateDirectory: directory.path, logger: Logger())
        #expect(directory.names == [])
        #expect(tokens.path == nil)
        #expect(tokens.matches("first-token-of-operator") && tokens.matches("second-token-of-operator"))
        #expect(!tokens.matches("third-token-of-operator"))
    }

    @Test("empty tokens are refused, short ones are warned about")
    func weak() throws {
        let directory = try StorageDirectory()
        #expect(throws: PrivateFileError.self) {
            try AdminToken.load(configured: [Secret("")], stateDirectory: directory.path, logger: Logger())
        }
        try directory.write(Array(" \n".utf8), to: "admin.token")
        #expect(throws: PrivateFileError.self) {
            try AdminToken.load(configured: [], stateDirectory: directory.path, logger: Logger())
        }
        let sink = LineSink()
        _ = try AdminToken.load(configured: [Secret("short")], stateDirectory: "/", logger: Logger(sink: sink))
        #expect(sink.count("an admin token of the configuration has less than 16 characters") == 1)
    }

    @Test("a token that an operator wrote with white space around it counts without")
    func trimmed() throws {
        let directory = try StorageDirectory()
        try directory.write(Array("  my-own-token \r\n\n".utf8), to: "admin.token")
        let tokens = try AdminToken.load(configured: [], stateDirectory: directory.path, logger: Logger())
        #expect(tokens.matches("my-own-token"))
    }
}
