import Host
import Testing

private func problem(_ arguments: [String]) -> String? {
    do {
        _ = try CommandLineParser.parse(arguments)
        return nil
    } catch {
        return error.description
    }
}

@Suite("Command line")
struct CommandLineParserTests {
    @Test(
        "commands",
        arguments: [
            ("", .run), ("run", .run), ("check", .check), ("sample", .sample(plugin: nil)),
            ("sample gateway", .sample(plugin: "gateway")), ("reference", .reference), ("routes", .routes),
            ("openapi", .openapi), ("plugins", .plugins), ("plugin enable a", .setPlugin(name: "a", enabled: true)),
            ("plugin disable a", .setPlugin(name: "a", enabled: false)),
            ("token create ci", .createToken(NewAPIKey(name: "ci", scopes: ["jobs"]))),
            ("token create --scope=a ci --scope b", .createToken(NewAPIKey(name: "ci", scopes: ["a", "b"]))),
            (
                "token create ci --expires-in 30d --rate-limit=60",
                .createToken(NewAPIKey(name: "ci", lifetime: .seconds(30 * 86_400), rateLimit: 60))
            ),
            ("token list", .listTokens), ("token revoke 7", .revokeToken(id: "7")), ("token admin", .adminToken),
            ("backup /b", .backup(path: "/b")), ("version", .version), ("--version", .version),
            ("help", .help(command: nil)), ("--help", .help(command: nil)), ("-h", .help(command: nil)),
            ("help token", .help(command: "token")), ("help token create", .help(command: "token create")),
            ("token --help", .help(command: "token")), ("sample gateway --help", .help(command: "sample")),
            ("run -h", .help(command: "run")), ("backup -- --odd", .backup(path: "--odd")),
        ] as [(String, Command)])
    func commands(line: String, expected: Command) throws {
        #expect(try CommandLineParser.parse(line.split(separator: " ").map(String.init)).command == expected)
    }

    @Test("options stand anywhere, with a space or an equals sign")
    func options() throws {
        var overrides = CommandLineOverrides()
        overrides.stateDirectory = "/s=1"
        overrides.listen = ["127.0.0.1:1", "[::1]:2"]
        overrides.logLevel = "debug"
        overrides.logFormat = "json"
        let arguments = [
            "--config", "c.yaml", "--listen=127.0.0.1:1", "check", "--state-dir=/s=1", "--listen", "[::1]:2",
            "--log-level", "debug", "--log-format=json",
        ]
        let expected = Invocation(.check, configurationFile: "c.yaml", overrides: overrides)
        #expect(try CommandLineParser.parse(arguments) == expected)
        #expect(try CommandLineParser.parse(["-c", "x"]).configurationFile == "x")
    }

    @Test(
        "mistakes",
        arguments: [
            (["chek"], "unknown command \"chek\"; did you mean \"check\"?"),
            (["fly"], "unknown command \"fly\""),
            (["plugin"], "\"plugin\" needs one of: enable, disable"),
            (["token", "creat", "x"], "unknown command \"token creat\"; did you mean \"token create\"?"),
            (["plugin", "enable"], "\"plugin enable\" needs NAME"),
            (["backup"], "\"backup\" needs PATH"),
            (["check", "now"], "\"check\": unexpected argument \"now\""),
            (["sample", "a", "b"], "\"sample\": unexpected argument \"b\""),
            (["--confg", "x"], "unknown option \"--confg\"; did you mean \"--config\"?"),
            (["--confg=x"], "unknown option \"--confg\"; did you mean \"--config\"?"),
            (["run", "--config"], "option --config needs a value: --config FILE"),
            (["--config="], "option --config needs a value: --config FILE"),
            (["--config", "a", "--config", "b"], "option --config is given twice"),
            (["--help=x"], "option --help takes no value"),
            (["run", "--scope", "x"], "option --scope belongs to \"token create\""),
            (["token", "list", "--expires-in", "1d"], "option --expires-in belongs to \"token create\""),
            (["--rate-limit", "1"], "option --rate-limit belongs to \"token create\""),
            (
                ["token", "create", "a", "--expires-in", "soon"],
                "option --expires-in: expected a duration such as \"30s\", \"5m\" or \"1h\""
            ),
            (
                ["token", "create", "a", "--expires-in", "0"],
                "--expires-in: from one second to 100 years, such as \"30d\""
            ),
            (["token", "create", "a", "--rate-limit", "many"], "option --rate-limit: expected a whole number"),
            (["token", "create", "a", "--rate-limit=-5"], "--rate-limit: from 1 to 1000000 requests a minute"),
            (
                ["token", "create", "a", "--scope", "A"],
                "--scope: a scope is 1 to 64 of the characters a-z 0-9 . : _ - *"
            ),
            (["help", "chek"], "unknown command \"chek\"; did you mean \"check\"?"),
        ])
    func mistakes(arguments: [String], expected: String) {
        #expect(problem(arguments) == expected)
    }
}
