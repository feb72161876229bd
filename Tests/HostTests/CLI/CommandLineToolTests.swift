import Host
import PluginAPI
import Synchronization
import Testing

private struct StubRunner: CommandRunner {
    var version: String { "1.2.3" }

    func run(_ invocation: Invocation) async throws {
        throw CommandFailure("address in use")
    }
    func check(_ invocation: Invocation) async throws -> String {
        _ = try loadConfiguration(
            file: invocation.configurationFile, overrides: invocation.overrides, environment: [:],
            workingDirectory: "/nonexistent")
        return "all right"
    }
    func routes(_ invocation: Invocation) async throws -> String { "GET /\n" }
    func openapi(_ invocation: Invocation) async throws -> String { "{}" }
    func plugins(_ invocation: Invocation) async throws -> String { "" }
    func findPlugin(_ name: String, _ invocation: Invocation) async throws {}
    func documentation(plugin name: String?, _ invocation: Invocation) async throws -> [DocumentedSection] {
        guard name == nil || name == "x" else { throw CommandFailure("no plugin \"\(name ?? "")\"") }
        return [DocumentedSection(plugin: "x", summary: "An example.", type: NoConfiguration.self)]
    }
    func createToken(
        _ new: NewAPIKey, _ invocation: Invocation
    ) async throws -> (text: String, warnings: [String]) {
        ("\(new.name) \(new.scopes)", new.scopes.contains("odd") ? ["odd indeed"] : [])
    }
    func listTokens(_ invocation: Invocation) async throws -> String { "none" }
    func revokeToken(id: String, _ invocation: Invocation) async throws -> String { throw CancellationError() }
    func adminToken(_ invocation: Invocation) async throws -> String { "t" }
    func backup(to path: String, _ invocation: Invocation) async throws -> String {
        throw CommandFailure("disk full", exitCode: 7)
    }
}

/// What a program printed.
private final class Printed: Sendable {
    private let texts = Mutex(["", ""])
    var output: String { texts.withLock { $0[0] } }
    var errors: String { texts.withLock { $0[1] } }
    func add(_ text: String, _ index: Int) { texts.withLock { $0[index] += text } }
}

private func comfyd(_ arguments: String..., in directory: String? = nil) async -> (Int32, String, String) {
    let printed = Printed()
    let tool = CommandLineTool(
        runner: StubRunner(), workingDirectory: directory, output: { printed.add($0, 0) },
        errorOutput: { printed.add($0, 1) })
    let code = await tool.run(arguments)
    return (code, printed.output, printed.errors)
}

@Suite("comfyd")
struct CommandLineToolTests {
    @Test("usage errors go to standard error, with a hint, exit code 2")
    func usage() async {
        #expect(
            await comfyd("chek") == (
                2, "", "comfyd: unknown command \"chek\"; did you mean \"check\"?\nTry \"comfyd help\".\n"
            ))
        #expect(
            await comfyd("token", "create") == (
                2, "", "comfyd: \"token create\" needs NAME\nTry \"comfyd help token create\".\n"
            ))
        #expect(
            await comfyd("check", "--lisen", "x") == (
                2, "", "comfyd: unknown option \"--lisen\"; did you mean \"--listen\"?\nTry \"comfyd help check\".\n"
            ))
    }

    @Test("problems of the configuration are listed, exit code 2")
    func configuration() async {
        #expect(
            await comfyd("check", "--log-level", "loud", "--listen", "x") == (
                2, "",
                """
                option --listen (listen): item 1: "x" is not an address and a port, such as "127.0.0.1:8000" \
                or "[::1]:8000"
                option --log-level (log.level): expected one of debug, info, notice, warning, error
                comfyd: 2 problems in the configuration

                """
            ))
        #expect(await comfyd("check") == (0, "all right\n", ""))
    }

    @Test("other failures have exit code 1, or their own")
    func failures() async {
        #expect(await comfyd() == (1, "", "comfyd: address in use\n"))
        #expect(await comfyd("backup", "/b") == (7, "", "comfyd: disk full\n"))
        #expect(await comfyd("token", "revoke", "1").0 == 1)
        #expect(await comfyd("sample", "y") == (1, "", "comfyd: no plugin \"y\"\n"))
    }

    @Test("results go to standard output, each with one line feed at its end")
    func results() async {
        #expect(await comfyd("routes") == (0, "GET /\n", ""))
        #expect(await comfyd("openapi") == (0, "{}\n", ""))
        #expect(await comfyd("version") == (0, "comfyd 1.2.3\n", ""))
        #expect(await comfyd("token", "create", "ci", "--scope", "a") == (0, "ci [\"a\"]\n", ""))
        #expect(
            await comfyd("token", "create", "ci", "--scope", "odd") == (
                0, "ci [\"odd\"]\n", "comfyd: warning: odd indeed\n"
            ))
    }

    @Test("samples and the reference come with the plugins that are found")
    func documents() async {
        #expect(await comfyd("sample").1.contains("\n  #x:\n"))
        #expect(await comfyd("sample", "x").1.hasPrefix("plugins:\n  ## An example.\n  x:\n"))
        #expect(await comfyd("reference").1.contains("\n## Plugin `x`\n"))
    }

    @Test("help lists every command, and tells one command's arguments and options")
    func help() async {
        let (code, overview, _) = await comfyd("help")
        #expect(code == 0)
        for command in ["run", "check", "sample [PLUGIN]", "plugin enable NAME", "token create NAME", "backup PATH"] {
            #expect(overview.contains("\n  \(command) "))
        }
        for option in ["--config FILE", "--state-dir DIR", "--listen ADDRESS:PORT", "--log-level", "--log-format"] {
            #expect(overview.contains(option))
        }
        #expect(overview.split(separator: "\n").allSatisfy { $0.count <= 120 })
        let create = await comfyd("token", "create", "--help").1
        #expect(
            create.hasPrefix(
                "Usage: comfyd token create NAME [--scope SCOPE]... [--expires-in DURATION] [--rate-limit N] [options]"
                    + "\n\nMake an API key"))
        #expect(await comfyd("help", "plugin").1.contains("comfyd plugin disable NAME"))
    }

    @Test("plugins are switched in the file that is named")
    func switching() async {
        let directory = TemporaryDirectory()
        directory.write("comfyd.yaml", "plugins:\n  x: {}\n")
        #expect(
            await comfyd("plugin", "disable", "x", in: directory.path) == (
                0, "x is disabled in comfyd.yaml; a running daemon takes it up on SIGHUP\n", ""
            ))
        #expect(directory.read("comfyd.yaml") == "plugins:\n  x: { enabled: false }\n")
        #expect(
            await comfyd("plugin", "disable", "x", in: directory.path) == (
                0, "x is already disabled in comfyd.yaml\n", ""
            ))
        #expect(
            await comfyd("plugin", "enable", "x", "--config", "no.yaml", in: directory.path) == (
                1, "", "comfyd: cannot read \"\(directory.path)/no.yaml\": No such file or directory\n"
            ))
    }
}
