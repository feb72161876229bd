import ComfyUI
import Glibc
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("Input files")
struct InputStoreTests {
    /// A store in a folder of its own.
    final class Rig: Sendable {
        let directory: TestDirectory
        let servers = InputServers()
        let logs = CapturedLogs()
        let clock = ManualClock()
        let store: InputStore

        init(_ directory: TestDirectory? = nil) throws {
            let directory = try directory ?? TestDirectory()
            self.directory = directory
            store = InputStore(
                directory: directory.path + "/input", blocking: InPlace(), clock: clock, logger: Logger(sink: logs))
        }

        /// Uploads a text.
        @discardableResult
        func keep(
            _ content: String, as name: String, subfolder: String = "", type: String = "input", overwrite: Bool = true,
            on servers: [String] = ["a"]
        ) async throws -> PlacedInput {
            try await store.keep(
                upload(content, name, subfolder, type, overwrite), on: servers.map { self.servers.server($0) })
        }

        func upload(
            _ content: String, _ name: String, _ subfolder: String = "", _ type: String = "input",
            _ overwrite: Bool = true
        ) throws -> InputUpload {
            let path = try directory.folder("staging") + "/" + PromptID.random()
            try write(content, path)
            return InputUpload(
                path: path, size: content.utf8.count, filename: name, subfolder: subfolder, type: type,
                contentType: "image/png", overwrite: overwrite)
        }

        func write(_ content: String, _ path: String) throws {
            let file = fopen(path, "w")
            try #require(file != nil)
            fputs(content, file)
            fclose(file)
        }

        /// Places what a prompt names.
        func place(_ graph: JSON, on server: String = "a") async throws {
            let (server, client) = servers.server(server)
            let body: JSON = ["prompt": graph]
            try await store.place(named: body.serialized(), on: server, client: client)
        }

        func names(_ folder: String) -> [String] {
            var names: [String] = []
            guard let open = opendir(directory.path + "/" + folder) else { return [] }
            defer { closedir(open) }
            while let entry = readdir(open) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { names.append(name) }
            }
            return names.sorted()
        }
    }

    struct InPlace: BlockingThreads {
        func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T { try body() }
    }

    static func loading(_ name: String) -> JSON {
        ["1": ["class_type": "LoadImage", "inputs": ["image": .string(name)]]]
    }

    @Test("an upload is on disk and on all servers, whole and under its name")
    func keeps() async throws {
        let rig = try Rig()
        #expect(rig.store.isEmpty)
        let placed = try await rig.keep("pixels", as: "cat ü.png", subfolder: "pets/old", on: ["a", "b"])
        #expect(placed.reference == FileReference(filename: "cat ü.png", subfolder: "pets/old", type: "input"))
        #expect(placed.missingOn.isEmpty && !rig.store.isEmpty)
        for server in ["a", "b"] {
            #expect(rig.servers.file("input/pets/old/cat ü.png", on: server) == Array("pixels".utf8))
        }
        #expect(rig.names("input/pets/old") == ["cat ü.png"])
        #expect(rig.names("staging") == [] && rig.names("input/.incoming") == [])
    }

    @Test("a server that was away gets the file before its first prompt, and once")
    func placesLater() async throws {
        let rig = try Rig()
        rig.servers.setDown("b")
        let placed = try await rig.keep("pixels", as: "x.png", on: ["a", "b"])
        #expect(placed.missingOn.map(\.id) == ["b"])
        rig.servers.setDown("b", false)
        try await rig.place(Self.loading("y.png"), on: "b")
        #expect(rig.servers.file("input/x.png", on: "b") == nil)
        try await rig.place(Self.loading("x.png [input]"), on: "b")
        try await rig.place(Self.loading("x.png"), on: "b")
        try await rig.place(Self.loading("x.png"), on: "a")
        #expect(rig.servers.uploads.map(\.server) == ["a", "b"])
        rig.store.forget(serverID: "a")
        try await rig.place(Self.loading("x.png"), on: "a")
        #expect(rig.servers.uploads.map(\.server) == ["a", "b", "a"])
    }

    @Test("what an earlier process kept is placed")
    func survives() async throws {
        let first = try Rig()
        try await first.keep("pixels", as: "x.png", subfolder: "s")
        try await first.keep("mask", as: "m.png", type: "temp")
        let second = try Rig(first.directory)
        try await second.store.load()
        try await second.place(Self.loading("s/x.png"))
        try await second.place(Self.loading("m.png [temp]"))
        #expect(second.servers.file("input/s/x.png", on: "a") == Array("pixels".utf8))
        #expect(second.servers.file("temp/m.png", on: "a") == Array("mask".utf8))
    }

    @Test("a name that is taken by another content gets a number, the same content keeps it")
    func withoutOverwriting() async throws {
        let rig = try Rig()
        func name(_ content: String, servers: [String] = ["a"]) async throws -> String {
            try await rig.keep(content, as: "x.tar.gz", overwrite: false, on: servers).reference.filename
        }
        #expect(try await name("one") == "x.tar.gz")
        #expect(try await name("one") == "x.tar.gz")
        #expect(try await name("two") == "x.tar (1).gz")
        // Somebody else put these on a server.
        rig.servers.put(Array("other".utf8), at: "input/x.tar (2).gz", on: "a")
        rig.servers.put(Array("four".utf8), at: "input/x.tar (3).gz", on: "b")
        #expect(try await name("three", servers: ["b", "a"]) == "x.tar (4).gz")
        #expect(try await name("four", servers: ["b"]) == "x.tar (2).gz")
        #expect(rig.servers.file("input/x.tar (2).gz", on: "a") == Array("other".utf8))
        #expect(rig.names("input") == [".incoming", "x.tar (1).gz", "x.tar (2).gz", "x.tar (4).gz", "x.tar.gz"])
        #expect(rig.names("input/.incoming") == [])
    }

    @Test("a server's own file of the same content and name is no reason for another name")
    func sameOnServer() async throws {
        let rig = try Rig()
        rig.servers.put(Array("same".utf8), at: "input/x.png", on: "a")
        #expect(try await rig.keep("same", as: "x.png", overwrite: false).reference.filename == "x.png")
    }

    @Test("a replaced file comes to the servers again")
    func replacing() async throws {
        let rig = try Rig()
        try await rig.keep("old", as: "x.png", on: ["a", "b"])
        rig.servers.setDown("b")
        try await rig.keep("new", as: "x.png", on: ["a", "b"])
        rig.servers.setDown("b", false)
        try await rig.place(Self.loading("x.png"), on: "b")
        #expect(rig.servers.file("input/x.png", on: "b") == Array("new".utf8))
        #expect(rig.servers.uploads.count == 4)
    }

    @Test("two uploads of a name at once leave one whole content, on disk and on every server")
    func concurrentUploads() async throws {
        let rig = try Rig()
        let contents = (0..<20).map { String(repeating: "\($0) ", count: 5000 + $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for content in contents {
                group.addTask { try await rig.keep(content, as: "x.png", on: ["a", "b", "c"]) }
                group.addTask { try await rig.place(Self.loading("x.png"), on: "b") }
            }
            try await group.waitForAll()
        }
        let kept = try #require(fopen(rig.directory.path + "/input/x.png", "r"))
        defer { fclose(kept) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, kept)
        let content = Array(bytes.prefix(count))
        #expect(contents.contains { Array($0.utf8) == content })
        for server in ["a", "b", "c"] { #expect(rig.servers.file("input/x.png", on: server) == content) }
    }

    @Test("uploads at once that may not replace anything all get names of their own")
    func concurrentNames() async throws {
        let rig = try Rig()
        let names = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<20 {
                group.addTask {
                    try await rig.keep("content \(number)", as: "x.png", overwrite: false).reference.filename
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(names.count == 20)
        #expect(Set(rig.names("input")) == names.union([".incoming"]))
    }

    @Test("prompts that need the same file on the same server share one upload")
    func sharing() async throws {
        let rig = try Rig()
        try await rig.keep("pixels", as: "x.png")
        let gate = Gate()
        rig.servers.hold(gate)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { try await rig.place(Self.loading("x.png"), on: "b") } }
            await gate.waitForWaiters()
            for _ in 0..<100 { await Task.yield() }
            gate.open()
            try await group.waitForAll()
        }
        #expect(rig.servers.uploads.count == 2)
    }

    @Test("who waits for another's upload goes on when that one is cancelled, and fails when it fails")
    func sharedFailure() async throws {
        let rig = try Rig()
        try await rig.keep("pixels", as: "x.png")
        let gate = Gate()
        rig.servers.hold(gate)
        let first = Task { try await rig.place(Self.loading("x.png"), on: "b") }
        await gate.waitForWaiters()
        let second = Task { try await rig.place(Self.loading("x.png"), on: "b") }
        for _ in 0..<100 { await Task.yield() }
        first.cancel()
        gate.open()
        _ = await first.result
        try await second.value
        #expect(rig.servers.file("input/x.png", on: "b") != nil)

        rig.servers.setDown("c")
        await #expect(throws: HTTPClientError.self) { try await rig.place(Self.loading("x.png"), on: "c") }
        rig.servers.setDown("c", false)
        try await rig.place(Self.loading("x.png"), on: "c")
    }

    @Test("what a server got before it was forgotten does not count, not even what was under way")
    func forgetting() async throws {
        let rig = try Rig()
        try await rig.keep("pixels", as: "x.png")
        let gate = Gate()
        rig.servers.hold(gate)
        let placing = Task { try await rig.place(Self.loading("x.png"), on: "b") }
        await gate.waitForWaiters()
        rig.store.forget(serverID: "b")
        gate.open()
        try await placing.value
        try await rig.place(Self.loading("x.png"), on: "b")
        #expect(rig.servers.uploads.map(\.server) == ["a", "b", "b"])
    }

    @Test("a server that refuses a file, and a file that is gone, do not keep the prompt")
    func passedOver() async throws {
        let rig = try Rig()
        try await rig.keep("pixels", as: "x.png")
        rig.servers.refuse("b", with: .contentTooLarge)
        try await rig.place(Self.loading("x.png"), on: "b")
        #expect(rig.logs.lines.count { $0.level == .warning } == 1)
        rig.servers.refuse("b", with: 500)
        await #expect(throws: ComfyServerError.self) { try await rig.place(Self.loading("x.png"), on: "b") }
        unlink(rig.directory.path + "/input/x.png")
        try await rig.place(Self.loading("x.png"), on: "b")
        #expect(rig.logs.lines.count { $0.level == .warning } == 2)
        #expect(rig.store.isEmpty)
    }

    @Test("a server that broke down over a file is left alone for a moment, unless the file is another one")
    func pausing() async throws {
        let rig = try Rig()
        try await rig.keep("pixels", as: "x.png")
        rig.servers.refuse("b", with: 500)
        await #expect(throws: ComfyServerError.self) { try await rig.place(Self.loading("x.png"), on: "b") }
        rig.servers.refuse("b", with: nil)
        rig.clock.advance(by: .milliseconds(1999))
        await #expect(throws: ComfyServerError.self) { try await rig.place(Self.loading("x.png"), on: "b") }
        rig.clock.advance(by: .milliseconds(1))
        try await rig.place(Self.loading("x.png"), on: "b")
        rig.servers.refuse("c", with: 500)
        await #expect(throws: ComfyServerError.self) { try await rig.place(Self.loading("x.png"), on: "c") }
        rig.servers.refuse("c", with: nil)
        try await rig.keep("other pixels", as: "x.png", on: ["c"])
        #expect(rig.servers.uploads.map(\.server) == ["a", "b", "c"])
    }

    @Test("no server is 503, and the same upload again finds the file")
    func noServer() async throws {
        let rig = try Rig()
        rig.servers.setDown("a")
        for servers in [["a"], []] {
            let error = await #expect(throws: HTTPError.self) { try await rig.keep("pixels", as: "x.png", on: servers) }
            #expect(error?.status == .serviceUnavailable && error?.code == "inputs.no_server")
        }
        rig.servers.setDown("a", false)
        #expect(try await rig.keep("pixels", as: "x.png", overwrite: false).reference.filename == "x.png")
        #expect(rig.names("input") == [".incoming", "x.png"])
    }

    @Test(
        "names that leave the folder, or that a form cannot carry, are refused and the upload is removed",
        arguments: [
            ("../x", "", "input"), ("..", "", "input"), ("a/b", "", "input"), ("", "", "input"), (".x", "", "input"),
            ("x", "../y", "input"), ("x", "a/../..", "input"), ("x", ".git", "input"), ("x", "", "output"),
            ("a\"b", "", "input"), ("a\u{0}", "", "input"), ("a\nb", "", "input"), ("a;b", "", "input"),
            (String(repeating: "x", count: 256), "", "input"),
        ])
    func badNames(filename: String, subfolder: String, type: String) async throws {
        let rig = try Rig()
        let error = await #expect(throws: HTTPError.self) {
            try await rig.keep("x", as: filename, subfolder: subfolder, type: type)
        }
        #expect(error?.status == .badRequest)
        #expect(rig.names("staging") == [] && rig.names("input") == [])
    }

    @Test("something else of the name is told, and nothing half is left")
    func inTheWay() async throws {
        let rig = try Rig()
        try await rig.keep("x", as: "x.png", subfolder: "folder")
        for (name, subfolder) in [("folder", ""), ("y.png", "folder/x.png")] {
            let error = await #expect(throws: HTTPError.self) {
                try await rig.keep("y", as: name, subfolder: subfolder)
            }
            #expect(error?.status == .badRequest && error?.code == "inputs.bad_name")
        }
        #expect(rig.names("staging") == [] && rig.names("input/.incoming") == [])
        #expect(rig.names("input/folder") == ["x.png"])
    }

    @Test("a folder that cannot be written to is 500, and nothing is left")
    func disk() async throws {
        let rig = try Rig()
        try #require(symlink("/proc/nothing", rig.directory.path + "/input") == 0)
        let error = await #expect(throws: HTTPError.self) { try await rig.keep("x", as: "x.png") }
        #expect(error?.status == .internalServerError && error?.code == "inputs.not_kept")
        #expect(rig.names("staging") == [] && rig.store.isEmpty)
    }
}
