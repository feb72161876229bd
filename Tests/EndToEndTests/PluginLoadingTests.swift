import PluginAPI
import Testing

@Suite("which plugins a daemon opens")
struct PluginLoadingTests {
    @Test("a daemon with the gateway alone opens no other plugin's file")
    func onlyListed() async throws {
        try await withDaemon("plugins: { gateway: {} }") { daemon in
            let files = try ProcessFacts.mappedFiles(of: daemon.pid)
            #expect(files.contains(Places.binaries + "/libGateway.so"))
            #expect(!files.contains { $0.hasSuffix("/libSimulator.so") })
            #expect(files.filter { $0.hasSuffix("/libPluginAPI.so") }.count == 1)
            #expect(!files.contains { $0.contains("libFoundation") }, "Foundation costs an edge node 40 MB")
        }
    }

    @Test("a plugin that is switched off in the file is not opened either")
    func disabled() async throws {
        try await withDaemon("plugins: { gateway: { enabled: false }, simulator: {} }") { daemon in
            #expect(try await daemon.probe.get("/system_stats").status == 200)
            let files = try ProcessFacts.mappedFiles(of: daemon.pid)
            #expect(!files.contains { $0.hasSuffix("/libGateway.so") })
        }
    }

    @Test("a listed plugin without a file ends the daemon with code 2 and one line that names it")
    func missing() async throws {
        try await expectRefusal("plugins: { gatewai: {} }", saying: "gatewai", "gateway")
    }

    @Test("a damaged plugin file ends the daemon with code 2 and one line that names it")
    func damaged() async throws {
        let folder = try TemporaryDirectory()
        let whole = try Files.read(Places.binaries + "/libGateway.so")
        try Files.write(folder.file("libGateway.so"), Array(whole.prefix(whole.count / 2)))
        try await expectRefusal(
            "plugins: { gateway: { file: \(folder.file("libGateway.so")) } }", saying: "libGateway.so", "damaged")
        try folder.write("libText.so", String(repeating: "no plugin at all\n", count: 20))
        try await expectRefusal("plugins: { text: { file: \(folder.file("libText.so")) } }", saying: "libText.so")
    }

    @Test("a plugin built for another ABI ends the daemon with code 2 and says what to do")
    func foreign() async throws {
        let folder = try TemporaryDirectory()
        var bytes = try Files.read(Places.binaries + "/libGateway.so")
        let place = try #require(Self.note(in: bytes))
        bytes[place + 8] = 9
        try Files.write(folder.file("libGateway.so"), bytes)
        try await expectRefusal(
            "plugins: { gateway: { file: \(folder.file("libGateway.so")) } }", saying: "gateway", "ABI 9.", "rebuild")
    }

    @Test("check names every mistake of a file at once and ends with code 2")
    func check() async throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write(
            "comfyd.yaml",
            """
            listenn: ["127.0.0.1:0"]
            limits: { header_timeout: soon, connections: 0 }
            auth: { open_surfaces: sometimes }
            plugins:
              gateway: { queue_cache_tll: 3s, workers: [{ name: no-url }] }
              simulator: { fail_rate: 2 }
            """)
        let result = try await comfyd("check", "--config", file, directory: folder.path)
        #expect(result.status == .code(2))
        let text = result.output + result.errors
        for words in [
            "listen", "header_timeout", "connections", "open_surfaces", "queue_cache_ttl", "workers[1]", "fail_rate",
        ] {
            #expect(text.contains(words), "\(words) in\n\(text)")
        }
        #expect(text.split(separator: "\n").filter { $0.contains("comfyd.yaml:") }.count >= 7, "\(text)")
    }

    /// Starts with a configuration that cannot run.
    private func expectRefusal(_ configuration: String, saying words: String...) async throws {
        try await withSlots(1) {
            let failure = await #expect(throws: DaemonFailure.self) {
                let daemon = try await DaemonProcess.start(configuration)
                daemon.end()
            }
            let log = failure?.log ?? ""
            #expect(failure?.status == .code(2), "\(log)")
            let lines = log.split(separator: "\n")
            #expect(lines.contains { line in words.allSatisfy { line.contains($0) } }, "\(log)")
            #expect(lines.count <= 3, "one clear line:\n\(log)")
        }
    }

    /// Where the ABI note of a plugin file begins: its magic number, then its own size.
    private static func note(in bytes: [UInt8]) -> Int? {
        let head: [UInt8] = [0x46, 0x4D, 0x4F, 0x43, 144, 0, 0, 0]
        return bytes.indices.first { bytes[$0...].starts(with: head) }
    }
}
