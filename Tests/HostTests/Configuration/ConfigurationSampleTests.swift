import Host
import PluginAPI
import Testing

private struct MailConfiguration: ConfigurationSection {
    struct Rule: ConfigurationSection {
        let name: String
        let to: [String]
        let subject: String?

        init(_ config: inout ConfigReader) {
            subject = config.optional("subject", as: String.self, "Its subject.")
            name = config.required("name", example: "night", "Name of the rule.")
            to = config.value("to", default: [], "Receivers.")
        }
    }

    let server: String
    let retries: Int
    let rules: [Rule]

    init(_ config: inout ConfigReader) {
        server = config.required("server", example: "mail.example.org", environment: "MAIL_SERVER", "Mail server.")
        retries = config.value("retries", default: 3, in: 0...9, "Tries after a failure.")
        rules = config.list("rules", of: Rule.self, "Who is told.")
    }
}

private let mail = DocumentedSection(plugin: "mail", summary: "Sends mail.", type: MailConfiguration.self)

/// Removes one `#` before each key, as a reader of the sample would.
private func uncommented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        let indentation = line.prefix { $0 == " " }
        let rest = line.dropFirst(indentation.count)
        guard rest.hasPrefix("#"), !rest.hasPrefix("##") else { return String(line) }
        return String(indentation + rest.dropFirst())
    }.joined(separator: "\n")
}

private func load(_ text: String) throws -> LoadedConfiguration {
    let directory = TemporaryDirectory()
    directory.write("comfyd.yaml", text)
    return try loadConfiguration(file: nil, environment: [:], workingDirectory: directory.path) { plugin, _ in
        plugin.name == "mail" ? MailConfiguration.self : nil
    }
}

@Suite("Sample and reference")
struct ConfigurationSampleTests {
    @Test("the section of a plugin: help, defaults as comments, an example where a value must be given")
    func plugin() {
        let expected = """
            plugins:
              ## Sends mail.
              mail:
                ## Whether the plugin runs. [true or false]
                #enabled: true
                ## What to do when the plugin cannot start: end the daemon, try again, or run without it. [one
                ## of fail, retry, disable]
                #on_start_error: fail
                ## The plugin's shared object, relative to this file; otherwise it is looked up by its name.
                ## [text]
                #file:
                ## Mail server. Required. [text] Variable: MAIL_SERVER.
                server: "mail.example.org"
                ## Tries after a failure. (0…9) [integer]
                #retries: 3
                ## Who is told.
                #rules:
                #    ## Its subject. [text]
                #    #subject:
                #    ## Name of the rule. Required. [text]
                #  - name: "night"
                #    ## Receivers. [list of text]
                #    to: []

            """
        #expect(ConfigurationSample.plugin(mail) == expected)
    }

    @Test("the sample is a valid configuration, as it is and with every comment removed")
    func validity() throws {
        let file = ConfigurationSample.file(host: .host, plugins: [mail])
        let asItIs = try load(file)
        #expect(asItIs.plugins.isEmpty)

        let section = try load(ConfigurationSample.plugin(mail))
        #expect((section.pluginValues["mail"] as? MailConfiguration)?.server == "mail.example.org")

        let keys = try load(uncommented(file))
        #expect(keys.plugins.map(\.name) == ["mail"])
        let everything = try load(uncommented(uncommented(file)))
        let values = try #require(everything.pluginValues["mail"] as? MailConfiguration)
        #expect(values.rules.map(\.name) == ["night"])
        #expect(values.retries == 3)
    }

    @Test("the defaults that the sample shows are the defaults")
    func defaults() throws {
        let shown = try load(uncommented(ConfigurationSample.file(host: .host, plugins: []))).daemon
        let actual = try load("").daemon
        #expect(shown.listen == actual.listen)
        #expect(shown.auth.corsOrigins == actual.auth.corsOrigins)
        #expect(shown.auth.openSurfaces == actual.auth.openSurfaces)
        #expect(shown.auth.adminTokens.isEmpty)
        #expect(shown.comfyui.baseURL == actual.comfyui.baseURL)
        #expect(shown.publicBaseURL == nil)
        #expect(shown.limits.header == actual.limits.header)
        #expect(shown.limits.jsonBody == actual.limits.jsonBody)
        #expect(shown.limits.upload == actual.limits.upload)
        #expect(shown.limits.idleTimeout == actual.limits.idleTimeout)
        #expect(shown.limits.connections == actual.limits.connections)
        #expect(shown.log.level == actual.log.level)
        #expect(shown.log.format == actual.log.format)
        #expect(shown.threads == actual.threads)
        #expect(shown.shutdown.delay == actual.shutdown.delay)
        #expect(shown.shutdown.timeout == actual.shutdown.timeout)
    }

    @Test("every key of the host is in sample and reference, with its help")
    func complete() {
        let sample = ConfigurationSample.file(host: .host, plugins: [])
        let reference = ConfigurationReference.page(host: .host, plugins: [mail])
        for entry in DocumentedSection.host.entries {
            let key = entry.path.split(separator: ".").last ?? ""
            #expect(sample.contains("\(key):"))
            #expect(reference.contains("| `\(entry.path)` |"))
            #expect(entry.help.hasSuffix(".") || entry.help.hasSuffix(")"))
        }
        #expect(sample.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }

    @Test("a row of the reference")
    func reference() {
        let page = ConfigurationReference.page(host: .host, plugins: [mail])
        let rows = page.split(separator: "\n")
        #expect(rows.contains("| `threads` | integer | `0` |  | Event loops; 0 is one per core. (0…1024) |"))
        #expect(
            rows.contains(
                "| `server` | text | required, such as `\"mail.example.org\"` | `MAIL_SERVER` | Mail server. |"))
        #expect(rows.contains("| `rules` | list of sections |  |  | Who is told. |"))
        #expect(rows.contains("| `rules[].name` | text | required, such as `\"night\"` |  | Name of the rule. |"))
    }
}
