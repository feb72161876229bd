import PluginAPI
import Testing

@Suite("a plugin written outside this repository")
struct OutsidePluginTests {
    @Test("the plugin of docs/writing-a-plugin.md is built from its page alone, loaded, and answers")
    func guide() async throws {
        let page = MarkdownBlocks(page: try Files.text(Places.repository + "/docs/writing-a-plugin.md"))
        let folder = try TemporaryDirectory()
        for block in page.of("file") {
            let text = block.text.replacing("../comfyd/Sources", with: Places.repository + "/Sources")
            try folder.write(block.name == "comfyd.yaml" ? "run/comfyd.yaml" : "greeter/" + block.name, text)
        }
        #expect(page.of("file").count == 7)
        let build = try await run("swift", ["build"], directory: folder.file("greeter"), within: 420)
        try #require(build.status == .code(0), "\(build)")
        #expect(!build.output.contains("warning:") && !build.errors.contains("warning:"), "\(build)")

        try await serve(folder)
        for block in page.of("typecheck") { try await typecheck(block, folder) }
    }

    private func serve(_ folder: TemporaryDirectory) async throws {
        let run = folder.file("run")
        let sample = try await comfyd("sample", "greeter", "--config", run + "/comfyd.yaml", directory: run)
        #expect(sample.output.contains("forget_after"), "\(sample)")
        try await withDaemon(try Files.text(run + "/comfyd.yaml"), in: folder.sub("run")) { daemon in
            let files = try ProcessFacts.mappedFiles(of: daemon.pid)
            #expect(files.contains { $0.hasSuffix("/libGreeter.so") })
            #expect(files.filter { $0.hasSuffix("/libPluginAPI.so") } == [Places.binaries + "/libPluginAPI.so"])
            for visits in 1...2 {
                let answer = try await daemon.admin.send("POST", "/api/greeter/hello/Ada")
                #expect(answer.text == #"{"text":"Welcome, Ada!","visits":\#(visits)}"#)
            }
            #expect(try await daemon.probe.send("POST", "/api/greeter/hello/Ada").status == 401)
            let long = try await daemon.admin.send("POST", "/api/greeter/hello/" + String(repeating: "a", count: 65))
            #expect(long.status == 400)
            #expect(long.json["code"] == "greeter.name_too_long")
            #expect(try await daemon.admin.get("/api/greeter/guests").json == [["name": "Ada", "visits": 2]])
            #expect(try await daemon.admin.get("/api/greeter/servers").json == ["servers": nil])
            #expect(try await daemon.admin.get("/metrics").text.contains("comfyd_greeter_greetings_total 2"))
            // The table outlives the process.
            #expect(try await daemon.terminate() == .code(0))
            let again = try await DaemonProcess.start(nil, in: daemon.directory)
            defer { again.end() }
            #expect(try await again.admin.send("POST", "/api/greeter/hello/Ada").json["visits"] == 3)
        }
    }

    /// Checks a block against the modules of the test kit, as if it stood in this package.
    private func typecheck(_ block: MarkdownBlocks.Block, _ folder: TemporaryDirectory) async throws {
        let file = try folder.write("typecheck/" + block.name, block.text)
        let api = Places.repository + "/Sources/PluginAPI/CPluginABI/include"
        let system = Places.repository + "/Sources/Host/System"
        let maps = Files.names(in: system).flatMap { ["-Xcc", "-fmodule-map-file=\(system)/\($0)/module.modulemap"] }
        // SwiftPM names a package after its folder.
        let package = Places.repository.split(separator: "/").last?.lowercased().map {
            $0.isLetter || $0.isNumber ? $0 : "_"
        }
        let result = try await run(
            "swiftc",
            [
                "-typecheck", "-swift-version", "6", "-package-name", String(package ?? []), "-module-name",
                "GreeterTests", "-I",
                Places.binaries + "/Modules", "-I", folder.file("greeter/.build/debug/Modules"), "-I", api,
            ] + maps + [file], within: 120)
        #expect(result.status == .code(0), "\(result)")
    }
}
