import ComfyUI
import Glibc
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

/// What the folder holds at a start, and what leaves it.
extension InputStoreTests {
    @Test("leftovers go at the start, temporary files after a day, inputs never")
    func sweeping() async throws {
        let rig = try Rig()
        try await rig.keep("input", as: "i.png", subfolder: "s")
        try await rig.keep("temporary", as: "t.png", subfolder: "s", type: "temp")
        try rig.write("half", rig.directory.path + "/input/.incoming/half")
        let old = rig.clock.wallClock.milliseconds / 1000
        for name in ["s/i.png", ".temp/s/t.png", ".incoming/half"] {
            var times = [timeval(tv_sec: Int(old), tv_usec: 0), timeval(tv_sec: Int(old), tv_usec: 0)]
            try #require(utimes(rig.directory.path + "/input/" + name, &times) == 0)
        }
        rig.clock.advance(by: .seconds(3599))
        try await rig.keep("x", as: "x.png")
        #expect(rig.names("input/.incoming") == ["half"])
        rig.clock.advance(by: .seconds(3600))
        try await rig.keep("x", as: "x.png")
        #expect(rig.names("input/.temp/s") == ["t.png"] && rig.names("input/.incoming") == [])
        rig.clock.advance(by: .seconds(86_400))
        try await rig.keep("x", as: "x.png")
        #expect(rig.names("input/.temp/s") == [] && rig.names("input/s") == ["i.png"])
        try rig.write("half", rig.directory.path + "/input/.incoming/half")
        var times = [timeval(tv_sec: Int(old), tv_usec: 0), timeval(tv_sec: Int(old), tv_usec: 0)]
        try #require(utimes(rig.directory.path + "/input/.incoming/half", &times) == 0)
        try await rig.store.load()
        #expect(rig.names("input/.incoming") == [] && rig.names("input/s") == ["i.png"])
    }

    @Test(
        "a name is found however a body writes it",
        arguments: [
            (#"{"a":"x y.png"}"#, true), (#"{"a":["x y.png",0]}"#, true), (#"{"a":{"b":"x y.png [input]"}}"#, true),
            (#"{"a":"\u0078 y.p\u006eg"}"#, true), (#"{"a":"./x y.png"}"#, true), (#"{"x y.png" : 1}"#, false),
            (#"{"a":"x y.png [output]"}"#, false), (#"{"a":"x y.png [temp]"}"#, false), (#"{"a":"s/x y.png"}"#, false),
            (#"{"a":"x y.pn"}"#, false), (#"{"a":"\"x y.png\""}"#, false), (#"{"a":"x y.png"#, false),
            (#"{"a":"\"#, false),
        ])
    func scanning(body: String, isFound: Bool) async throws {
        let rig = try Rig()
        try await rig.keep("pixels", as: "x y.png")
        let (server, client) = rig.servers.server("b")
        try await rig.store.place(named: Array(body.utf8), on: server, client: client)
        #expect((rig.servers.file("input/x y.png", on: "b") != nil) == isFound)
    }

    @Test("names that look alike and are written otherwise are two files")
    func canonicalForms() async throws {
        let rig = try Rig()
        let (composed, decomposed) = ("\u{FC}.png", "u\u{308}.png")
        try await rig.keep("one", as: composed)
        try await rig.place(Self.loading(decomposed), on: "b")
        try await rig.place(Self.loading(composed), on: "b")
        #expect(rig.servers.uploads.map(\.server) == ["a", "b"])
        try await rig.keep("two", as: decomposed)
        let both: JSON = ["1": ["inputs": ["a": .string(composed), "b": .string(decomposed)]]]
        try await rig.place(both, on: "c")
        #expect(rig.servers.uploads.filter { $0.server == "c" }.count == 2)
        #expect(rig.servers.uploads.filter { $0.server == "b" }.count == 1)
    }

    @Test("what is kept is found also when the folder could not be read at the start")
    func unreadableAtStart() async throws {
        let first = try Rig()
        try await first.keep("pixels", as: "x.png")
        let input = first.directory.path + "/input"
        try #require(rename(input, input + ".away") == 0 && symlink(input, input) == 0)
        let second = try Rig(first.directory)
        try await second.store.load()
        #expect(!second.store.isEmpty)
        #expect(second.logs.lines.contains { $0.level == .warning })
        try #require(unlink(input) == 0 && rename(input + ".away", input) == 0)
        try await second.place(Self.loading("x.png"))
        #expect(second.servers.file("input/x.png", on: "a") == Array("pixels".utf8))
    }

    @Test("an upload is streamed from disk, piece by piece")
    func streaming() async throws {
        let rig = try Rig()
        let content = String(repeating: "0123456789", count: 100_000)
        let largest = Mutex(0)
        rig.servers.client.answer { request in
            var size = 0
            for try await piece in try #require(request.body) {
                largest.withLock { $0 = max($0, piece.count) }
                size += piece.count
            }
            #expect(size == request.body?.length)
            return .json(["name": "x.png", "subfolder": "", "type": "input"])
        }
        try await rig.keep(content, as: "x.png")
        #expect(largest.withLock { $0 } <= 128 << 10)
    }
}
