import PluginAPI
import Testing

@Suite("who may depend on whom")
struct BoundaryTests {
    @Test("no plugin depends on another plugin or on the host, and nothing depends on a plugin")
    func targets() async throws {
        let scratch = try TemporaryDirectory()
        let result = try await run(
            "swift",
            [
                "package", "--package-path", Places.repository, "--scratch-path", scratch.path, "describe", "--type",
                "json",
            ], within: 120)
        try #require(result.status == .code(0), "\(result)")
        let start = try #require(result.output.firstIndex(of: "{"))
        let targets = try #require(try JSON(parsing: String(result.output[start...]))["targets"]?.arrayValue)
        let plugins = targets.filter { $0["path"]?.stringValue?.hasPrefix("Plugins/") == true }
        let names = Set(plugins.compactMap { $0["name"]?.stringValue })
        #expect(names.isSuperset(of: ["Gateway", "Simulator"]))
        #expect(names == Set(Files.names(in: Places.repository + "/Plugins")), "each folder of Plugins is a target")
        for plugin in plugins {
            let name = plugin["name"]?.stringValue ?? ""
            let targets = plugin["target_dependencies"]?.arrayValue ?? []
            #expect(targets.isEmpty, "\(name): \(targets)")
            let products = Set((plugin["product_dependencies"]?.arrayValue ?? []).compactMap(\.stringValue))
            #expect(products.isSubset(of: ["PluginAPI", "ComfyUI"]), "\(name): \(products)")
        }
        for target in targets where !["test", "executable"].contains(target["type"]?.stringValue) {
            let needs = Set((target["target_dependencies"]?.arrayValue ?? []).compactMap(\.stringValue))
            #expect(needs.isDisjoint(with: names), "\(target["name"]?.stringValue ?? "") depends on a plugin")
        }
    }

    @Test("sources import only what their place allows, and nothing of ours imports Foundation")
    func imports() throws {
        let library: Set = ["Glibc", "Synchronization", "CPluginABI"]
        let allowed: [(folder: String, modules: Set<String>)] = [
            ("Sources/PluginAPI", library),
            ("Sources/ComfyUI", library.union(["PluginAPI"])),
        ]
        for (folder, modules) in allowed { try check(folder, modules) }
        for plugin in Files.names(in: Places.repository + "/Plugins") {
            try check("Plugins/\(plugin)", library.union(["PluginAPI", "ComfyUI"]))
        }
        let host = try imports(in: "Sources/Host")
        let plugins = Set(Files.names(in: Places.repository + "/Plugins"))
        for (file, module) in host {
            #expect(!plugins.contains(module) && !module.hasPrefix("Foundation"), "\(file) imports \(module)")
        }
    }

    private func check(_ folder: String, _ modules: Set<String>) throws {
        let found = try imports(in: folder)
        for (file, module) in found { #expect(modules.contains(module), "\(file) imports \(module)") }
    }

    /// The modules that the Swift files below a folder import.
    private func imports(in folder: String) throws -> [(file: String, module: String)] {
        try swiftFiles(in: folder).flatMap { file in
            try Files.text("\(Places.repository)/\(file)").split(separator: "\n").compactMap { line in
                var words = line.split { $0.isWhitespace }[...]
                while let word = words.first, word.hasPrefix("@") || ["public", "package", "internal"].contains(word) {
                    words = words.dropFirst()
                }
                guard words.first == "import", let module = words.last else { return nil }
                return (file, String(module.prefix { $0 != "." }))
            }
        }
    }

    private func swiftFiles(in folder: String) -> [String] {
        Files.names(in: "\(Places.repository)/\(folder)").flatMap { name -> [String] in
            if name.hasPrefix(".") || name == "Package.swift" { return [] }
            if name.hasSuffix(".swift") { return ["\(folder)/\(name)"] }
            return swiftFiles(in: "\(folder)/\(name)")
        }
    }
}
