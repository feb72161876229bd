import Host
import PluginAPI
import Testing

@Suite("a provider that comes or leaves while others run", .timeLimit(.minutes(1)))
struct CapabilityChangeTests {
    private static let number = CapabilityKey<Int>("test.number", version: 1)
    private static let word = CapabilityKey<String>("test.word", version: 1)

    /// Provides a number.
    private struct Provider: Plugin {
        static let manifest = PluginManifest(name: "provider", version: "1", summary: "For tests.")
        init(configuration: NoConfiguration, context: PluginContext) {}
        func configure(_ setup: inout PluginSetup) { setup.provide(CapabilityChangeTests.number, 7) }
    }

    /// Makes a word of the number, if there is one.
    private struct Translator: Plugin {
        static let manifest = PluginManifest(
            name: "translator", version: "1", summary: "For tests.", uses: [.optional(CapabilityChangeTests.number)])
        let script = ScriptedPlugin.script
        let capabilities: Capabilities
        init(configuration: NoConfiguration, context: PluginContext) { capabilities = context.capabilities }
        func configure(_ setup: inout PluginSetup) { setup.provide(CapabilityChangeTests.word, "w") }
        func start() async throws { script.note("translator \(capabilities[CapabilityChangeTests.number] ?? 0)") }
        func stop() async { script.note("translator stops") }
    }

    /// Needs the word.
    private struct Reader: Plugin {
        static let manifest = PluginManifest(
            name: "reader", version: "1", summary: "For tests.",
            uses: [.required(CapabilityChangeTests.word, orElse: "Enable translator.")])
        let script = ScriptedPlugin.script
        init(configuration: NoConfiguration, context: PluginContext) {}
        func configure(_ setup: inout PluginSetup) {}
        func start() async throws { script.note("reader") }
        func stop() async { script.note("reader stops") }
    }

    private func apply(
        _ fixture: PluginManagerFixture, _ names: [String], _ sections: [String: JSONObject] = [:]
    ) async throws {
        let types: [String: any Plugin.Type] = [
            "provider": Provider.self, "translator": Translator.self, "reader": Reader.self,
            "scripted": ScriptedPlugin.self,
        ]
        let wanted = PluginManager.Wanted(
            specifications: names.map { PluginSpecification(name: $0, section: sections[$0] ?? [:]) },
            loader: PluginLoader(builtIn: types, directories: []),
            reader: { ConfigReader(path: "plugins.\($0)", values: [:]) })
        try await ScriptedPlugin.$script.withValue(fixture.script) { try await fixture.manager.apply(wanted) }
    }

    @Test("those that use it, and those that use them, are stopped before and started after it; others run on")
    func restart() async throws {
        let fixture = try PluginManagerFixture()
        try await apply(fixture, ["reader", "translator", "scripted"])
        #expect(fixture.script.steps == ["translator 0", "reader"])
        try await apply(fixture, ["reader", "translator", "scripted", "provider"])
        let restarted = ["reader stops", "translator stops"]
        #expect(fixture.script.steps == ["translator 0", "reader"] + restarted + ["translator 7", "reader"])
        try await apply(fixture, ["reader", "translator", "scripted"])
        #expect(fixture.script.steps.suffix(4) == restarted + ["translator 0", "reader"])
        #expect(Set(fixture.manager.board.entries.map(\.instance.name)) == ["reader", "translator", "scripted"])
        #expect(fixture.manager.board.entries.allSatisfy { $0.state == .running })
        await fixture.manager.stopAll()
    }

    @Test("a provider that starts anew counts as one that leaves and comes; what nobody uses disturbs nobody")
    func changed() async throws {
        let fixture = try PluginManagerFixture()
        try await apply(fixture, ["provider", "translator"])
        try await apply(fixture, ["provider", "translator"], ["provider": ["changed": true]])
        #expect(fixture.script.steps == ["translator 7", "translator stops", "translator 7"])
        try await apply(fixture, ["provider", "translator", "reader"], ["provider": ["changed": true]])
        #expect(fixture.script.steps.suffix(2) == ["translator 7", "reader"])
        await fixture.manager.stopAll()
    }

    @Test("a required provider cannot leave: nothing is stopped")
    func required() async throws {
        let fixture = try PluginManagerFixture()
        try await apply(fixture, ["translator", "reader"])
        await #expect(throws: PluginProblems.self) { try await apply(fixture, ["reader"]) }
        #expect(fixture.script.steps == ["translator 0", "reader"])
        await fixture.manager.stopAll()
    }
}
