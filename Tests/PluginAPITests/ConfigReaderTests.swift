import PluginAPI
import Testing

/// Reads one key of each kind.
private struct Sample: ConfigurationSection {
    enum Mode: String, ConfigChoice {
        case fast
        case safe
    }

    struct Server: ConfigurationSection {
        let url: String
        let weight: Int

        init(_ config: inout ConfigReader) {
            url = config.required("url", example: "http://127.0.0.1:8188", "Address.")
            weight = config.value("weight", default: 1, in: 1...100, "Share.")
        }
    }

    struct Retry: ConfigurationSection {
        let pause: Duration

        init(_ config: inout ConfigReader) {
            pause = config.value("pause", default: .seconds(1), environment: "RETRY_PAUSE", "Time between two tries.")
        }
    }

    let name: String
    let mode: Mode
    let tags: [String]
    let password: Secret?
    let tokens: [Secret]
    let size: ByteCount
    let isOn: Bool
    let retry: Retry
    let servers: [Server]

    init(_ config: inout ConfigReader) {
        name = config.value(
            "name", default: "none", "A name.", check: { $0.contains(" ") ? "\"\($0)\" has spaces" : nil })
        mode = config.value("mode", default: .safe, "How.")
        tags = config.value("tags", default: [], environment: "TAGS", "Words.")
        password = config.optional("password", as: Secret.self, "Hidden.")
        tokens = config.value("tokens", default: [], "Hidden too.")
        size = config.value("size", default: ByteCount(64 << 20), "Bytes.")
        isOn = config.value("on", default: false, "Whether.")
        retry = config.section("retry", as: Retry.self, "Tries.")
        servers = config.list("servers", of: Server.self, "Machines.")
    }
}

private func read(
    _ values: JSONObject, environment: [String: String] = [:], overrides: [String: ConfigReader.Override] = [:]
) -> (Sample, [String]) {
    let files = ["/run/secret": "from-file\r\n\n"]
    let sources = ConfigReader.Sources(environment: environment, overrides: overrides) { files[$0] }
    var reader = ConfigReader(path: "top", values: values, sources: sources)
    let sample = Sample(&reader)
    return (sample, reader.finished().problems.map(\.description))
}

private func text(_ secret: Secret?) -> String? {
    secret.map { $0.withExposed { $0 } }
}

@Suite("ConfigReader")
struct ConfigReaderTests {
    @Test("an empty section has its defaults and no problems")
    func defaults() {
        let (sample, problems) = read([:])
        #expect(problems.isEmpty)
        #expect(sample.name == "none")
        #expect(sample.mode == .safe)
        #expect(sample.password == nil)
        #expect(sample.size.bytes == 67_108_864)
        #expect(sample.retry.pause == .seconds(1))
        #expect(sample.servers.isEmpty)
    }

    @Test("every mistake of a section is reported with its path")
    func problems() {
        let (_, problems) = read([
            "name": "a b", "mode": "fats", "size": "12 parsecs", "on": "perhaps", "tag": [],
            "retry": ["pause": "soon", "pauze": 1],
            "servers": [["weight": 0], "text", ["url": "x", "wieght": 1]],
        ])
        #expect(
            problems == [
                "top.name: \"a b\" has spaces",
                "top.mode: expected one of fast, safe",
                "top.size: expected a size such as \"64MiB\"",
                "top.on: expected true or false",
                "top.retry.pause: expected a duration such as \"30s\", \"5m\" or \"1h\"",
                "top.retry.pauze: unknown key; did you mean \"pause\"?",
                "top.servers[1].url: missing; for example \"http://127.0.0.1:8188\"",
                "top.servers[1].weight: 0 is outside 1…100",
                "top.servers[2]: expected a section of keys",
                "top.servers[3].wieght: unknown key; did you mean \"weight\"?",
                "top.tag: unknown key; did you mean \"tags\"?",
            ])
    }

    @Test("values of the wrong shape are reported once")
    func shapes() {
        let (_, problems) = read(["retry": 5, "servers": ["url": "x"], "name": ["a": 1], "tags": ["a", ["b"]]])
        #expect(
            problems == [
                "top.name: expected a text", "top.tags: item 2: expected a text",
                "top.retry: expected a section of keys", "top.servers: expected a list",
            ])
    }

    @Test("the command line ranks above COMFYD_<PATH>, that above the key's variable, that above the file")
    func ranks() {
        let file: JSONObject = ["retry": ["pause": "1m"]]
        #expect(read(file).0.retry.pause == .seconds(60))
        var environment = ["RETRY_PAUSE": "2m"]
        #expect(read(file, environment: environment).0.retry.pause == .seconds(120))
        environment["COMFYD_TOP_RETRY_PAUSE"] = "3m"
        #expect(read(file, environment: environment).0.retry.pause == .seconds(180))
        let override = ["top.retry.pause": ConfigReader.Override("4m", origin: "option --pause")]
        #expect(read(file, environment: environment, overrides: override).0.retry.pause == .seconds(240))
    }

    @Test("an empty variable counts as absent")
    func emptyVariable() {
        #expect(read(["name": "file"], environment: ["COMFYD_TOP_NAME": ""]).0.name == "file")
    }

    @Test("a wrong variable is named, also when a check refuses its value")
    func wrongVariable() {
        let environment = ["COMFYD_TOP_ON": "maybe", "COMFYD_TOP_NAME": "a b"]
        #expect(
            read([:], environment: environment).1 == [
                "environment variable COMFYD_TOP_NAME (top.name): \"a b\" has spaces",
                "environment variable COMFYD_TOP_ON (top.on): expected true or false",
            ])
    }

    @Test("a variable is split at commas for lists only, and its value is taken as it is")
    func commas() {
        let environment = ["TAGS": "a, b ,,c", "COMFYD_TOP_NAME": "a,b", "COMFYD_TOP_PASSWORD": "p,${w}"]
        let (sample, problems) = read([:], environment: environment)
        #expect(problems.isEmpty)
        #expect(sample.tags == ["a", "b", "c"])
        #expect(sample.name == "a,b")
        #expect(text(sample.password) == "p,${w}")
    }

    @Test(
        "texts of the file may name variables",
        arguments: [
            ("${USER_NAME}", "ann"), ("<${USER_NAME}-${USER_NAME}>", "<ann-ann>"), ("$${USER_NAME}", "${USER_NAME}"),
            ("${EMPTY:-x:y}", "x:y"), ("${USER_NAME:-x}", "ann"), ("${GONE:-}", ""), ("$5{x}$", "$5{x}$"),
        ])
    func references(text: String, expected: String) {
        let (sample, problems) = read(
            ["name": .string(text)], environment: ["USER_NAME": "ann", "EMPTY": ""])
        #expect(problems.isEmpty)
        #expect(sample.name == expected)
    }

    @Test(
        "a reference that leads nowhere is reported",
        arguments: [
            ("${GONE}", "environment variable \"GONE\" is not set"),
            ("a${B", "\"${\" without \"}\"; write \"$${\" for the two characters themselves"),
        ])
    func brokenReference(text: String, expected: String) {
        #expect(read(["name": .string(text)]).1 == ["top.name: \(expected)"])
    }

    @Test("a secret may be in a file, whose last line feeds do not count; other texts may not")
    func secretFiles() {
        let (sample, problems) = read(
            [
                "password": "file:${DIR}/secret", "tokens": ["file:/run/secret", "plain"], "name": "file:/run/secret",
            ], environment: ["DIR": "/run"])
        #expect(problems.isEmpty)
        #expect(text(sample.password) == "from-file")
        #expect(sample.tokens.map { text($0) } == ["from-file", "plain"])
        #expect(sample.name == "file:/run/secret")
        #expect(read(["password": "file:/none"]).1 == ["top.password: cannot read file \"/none\""])
        #expect("\(sample.password.map { "\($0)" } ?? "")" == "***")
    }

    @Test("the documented keys tell type, default, variable and nesting")
    func entries() {
        var reader = ConfigReader()
        _ = Sample(&reader)
        #expect(
            reader.entries.map(\.path) == [
                "name", "mode", "tags", "password", "tokens", "size", "on", "retry", "retry.pause", "servers",
                "servers[].url", "servers[].weight",
            ])
        #expect(reader.entries[1].kind == .value(type: "one of fast, safe", text: "safe", required: false))
        #expect(reader.entries[5].kind == .value(type: "size such as 64MiB", text: "64MiB", required: false))
        #expect(
            reader.entries[10].kind == .value(type: "text", text: "\"http://127.0.0.1:8188\"", required: true))
        #expect(reader.entries[11].help == "Share. (1…100)")
        #expect(ConfigEntry.variable(for: "plugins.gateway.queue-ttl") == "COMFYD_PLUGINS_GATEWAY_QUEUE_TTL")
    }
}

@Suite("Configuration values")
struct ConfigValueTests {
    @Test(
        "durations",
        arguments: [
            ("250ms", 250), ("30s", 30_000), ("30", 30_000), ("1.5 m", 90_000), ("2min", 120_000), ("1h", 3_600_000),
            ("2d", 172_800_000),
        ] as [(JSON, Int)])
    func durations(text: JSON, milliseconds: Int) throws {
        #expect(try Duration(config: text) == .milliseconds(milliseconds))
    }

    @Test(
        "texts that are no durations",
        arguments: ["", "s", "-1s", "1e5", "1 week", "½s", ".", "1..2s", "99999999999d", [], nil] as [JSON])
    func noDurations(text: JSON) {
        #expect(throws: ConfigProblem.self) { try Duration(config: text) }
    }

    @Test(
        "sizes",
        arguments: [
            ("64MiB", 64 << 20), ("1.5 KiB", 1536), ("2GB", 2_000_000_000), (1024, 1024), ("5B", 5),
        ] as [(JSON, Int)])
    func sizes(text: JSON, bytes: Int) throws {
        #expect(try ByteCount(config: text).bytes == bytes)
    }

    @Test("texts that are no sizes", arguments: ["", "-1", "1 kg", "99999999GiB", "∞"] as [JSON])
    func noSizes(text: JSON) {
        #expect(throws: ConfigProblem.self) { try ByteCount(config: text) }
    }

    @Test("booleans come in the words of environments too")
    func booleans() throws {
        for text in ["true", "True", "YES", "on", "1"] as [JSON] { #expect(try Bool(config: text)) }
        for text in ["false", "FALSE", "no", "Off", "0", 0, false] as [JSON] { #expect(try !Bool(config: text)) }
        #expect(throws: ConfigProblem.self) { try Bool(config: "2") }
    }

    @Test("a number keeps its text where a text is expected")
    func numberAsText() throws {
        let number = try #require(JSONNumber(literal: "1.50"))
        #expect(try String(config: .number(number)) == "1.50")
    }

    @Test("what is written to a sample is read as the same value")
    func writtenAndRead() throws {
        #expect(Duration.seconds(90).configText == "90s")
        #expect(Duration.milliseconds(1500).configText == "1500ms")
        #expect(Duration.seconds(172_800).configText == "2d")
        #expect(ByteCount(1536).configText == "1536")
        #expect(["a\"b", "c"].configText == "[\"a\\\"b\", \"c\"]")
        #expect(Secret("x").configText == "\"\"")
    }

    @Test("a near word is suggested, a far one is not")
    func spelling() {
        #expect(Spelling.nearest(to: "lisen", in: ["listen", "limits"]) == "listen")
        #expect(Spelling.nearest(to: "tihs", in: ["this"]) == "this")
        #expect(Spelling.nearest(to: "gateway", in: ["listen"]) == nil)
        #expect(Spelling.nearest(to: String(repeating: "a", count: 100_000), in: ["listen"]) == nil)
    }
}
