import PluginAPI
import Testing

@Suite("catalogs as files, over a real connection")
struct CatalogImportTests {
    @Test("the commands of the guide give the answers that it shows")
    func guide() async throws {
        let page = MarkdownBlocks(page: try Files.text(Places.repository + "/docs/catalogs-import.md"))
        let commands = page.of("tested").filter { $0.name == "catalogs" && $0.language == "sh" }
        let shown = try page.of("answer").flatMap { try Self.answers($0.text) }
        try #require(!shown.isEmpty)
        try await withSlots(1) {
            let directory = try TemporaryDirectory()
            let daemon = try await DaemonProcess.start("plugins: { catalogs: {} }", in: directory)
            defer { daemon.end() }
            let head = """
                set -euo pipefail
                curl() { command curl --fail-with-body -w '\\n' "$@"; }
                admin_token='\(try daemon.adminToken)'

                """
            let script = head + commands.map(\.text).joined(separator: "\n")
            let text = script.replacing("127.0.0.1:8000", with: "127.0.0.1:\(daemon.port)")
            let result = try await run(
                "bash", [try directory.write("guide.sh", text)], directory: directory.path, within: 60)
            #expect(result.status == .code(0), "\(result)")
            #expect(try Self.answers(result.output) == shown, "\(result)")
            let exported = try Files.text(directory.path + "/loras.csv")
            #expect(exported.hasPrefix("id,file_name,"))
            #expect(exported.contains("\"Cup, print\"") && !exported.contains("Bowl"))
        }
    }

    /// The JSON objects of a text, without the ids that differ at each run.
    private static func answers(_ text: String) throws -> [JSON] {
        let lines = text.replacing("\n ", with: " ").split(separator: "\n").filter { $0.hasPrefix("{") }
        return try lines.map { line in
            var answer = try JSON(parsing: Array(line.utf8))
            answer["request_id"] = nil
            return answer
        }
    }

    @Test("a client that goes away in the middle leaves whole batches; the same file again brings the rest")
    func clientGone() async throws {
        try await withSlots(1) {
            let daemon = try await DaemonProcess.start("plugins: { catalogs: {} }", in: try TemporaryDirectory())
            defer { daemon.end() }
            let path = "/api/admin/comfyui/version-catalog"
            let lines = (1...1200).map { "{\"version\":\"v\($0)\"}\n" }.joined()
            let head = """
                POST \(path)/import?format=jsonl HTTP/1.1\r
                Host: test\r
                Authorization: Bearer \(try daemon.adminToken)\r
                Content-Length: 10000000\r
                \r

                """
            var connection: TCPConnection? = try TCPConnection(port: daemon.port)
            try connection?.write(Array((head + lines).utf8))
            try await eventually("two batches are stored") {
                try await daemon.admin.get(path + "/export").text.split(separator: "\n").count == 1000
            }
            connection = nil
            let again = try await daemon.admin.send("POST", path + "/import?format=jsonl", body: Array(lines.utf8))
            #expect(again.json["unchanged"] == 1000)
            #expect(again.json["new"] == 200)
            #expect(!daemon.tail.contains("error"), "\(daemon.tail)")
        }
    }
}
