import PluginAPI
import Synchronization
import Testing

@Suite("Server-sent events")
struct ServerSentEventTests {
    private func text(_ event: ServerSentEvent) -> String {
        String(decoding: event.bytes, as: UTF8.self)
    }

    @Test("the fields of an event stand on lines of their own")
    func fields() {
        #expect(text(ServerSentEvent("hello")) == "data: hello\n\n")
        #expect(
            text(ServerSentEvent("x: y", event: "state", id: "7")) == "event: state\nid: 7\ndata: x: y\n\n")
        #expect(text(ServerSentEvent(["a": 1, "b": "ä\nb"])) == "data: {\"a\":1,\"b\":\"ä\\nb\"}\n\n")
        // An empty id forgets the last one; an empty type is no type.
        #expect(text(ServerSentEvent("", event: "", id: "")) == "id: \ndata: \n\n")
        #expect(text(ServerSentEvent(" indented")) == "data:  indented\n\n")
    }

    @Test(
        "each line of the data is a field, whatever ends it",
        arguments: [
            ("a\nb", ["a", "b"]), ("a\r\nb", ["a", "b"]), ("a\rb", ["a", "b"]), ("a\n\nb", ["a", "", "b"]),
            ("a\r\n\r\nb", ["a", "", "b"]), ("\n", ["", ""]), ("a\r", ["a", ""]),
            ("a\n\rb", ["a", "", "b"]), ("a\n\ndata: evil\n\nevent: x", ["a", "", "data: evil", "", "event: x"]),
        ])
    func lines(data: String, expected: [String]) {
        #expect(text(ServerSentEvent(data)) == expected.map { "data: \($0)\n" }.joined() + "\n")
    }

    @Test("no type and no id can add a field")
    func injection() {
        let event = ServerSentEvent("d", event: "a\ndata: evil\r\n\r\n", id: "1\0\rid: 2\n")
        #expect(text(event) == "event: adata: evil\nid: 1id: 2\ndata: d\n\n")
    }

    @Test("comments cannot become fields either, and events are written whole")
    func writing() async throws {
        let writer = PieceWriter()
        try await writer.send(ServerSentEvent("a\nb", event: "e"))
        try await writer.sendComment()
        try await writer.sendComment("one\ndata: two")
        #expect(writer.pieces == ["event: e\ndata: a\ndata: b\n\n", ": \n\n", ": one\n: data: two\n\n"])
    }
}

/// Keeps what is written, call by call.
private final class PieceWriter: BodyWriter {
    private let written = Mutex<[String]>([])

    var pieces: [String] { written.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws {
        written.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
    }
}
