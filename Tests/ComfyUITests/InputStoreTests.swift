import ComfyUI
import Glibc
import PluginAPI
import PluginTestKit
import Testing

@Suite("Input files")
struct InputStoreTests {
    /// A store in a folder of its own.
    private final class Rig: Sendable {
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

    private struct InPlace: BlockingThreads {
        func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T { try body() }
    }

    private static func loading(_ name: String) -> JSON {
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
}
