import Host
import PluginAPI
import Testing

@Suite("Listen addresses")
struct ListenAddressTests {
    @Test(
        "texts that are addresses",
        arguments: [
            ("127.0.0.1:8000", "127.0.0.1", 8000, true), ("0.0.0.0:0", "0.0.0.0", 0, false),
            ("[::1]:65535", "::1", 65535, true), ("[::]:80", "::", 80, false), ("localhost:1", "127.0.0.1", 1, true),
            ("[0:0:0:0:0:0:0:1]:1", "0:0:0:0:0:0:0:1", 1, true), ("127.8.8.8:1", "127.8.8.8", 1, true),
        ])
    func addresses(text: String, address: String, port: UInt16, isLoopback: Bool) throws {
        let listener = try ListenAddress(config: .string(text))
        #expect(listener.address == address)
        #expect(listener.port == port)
        #expect(listener.isLoopback == isLoopback)
    }

    @Test(
        "values that are none",
        arguments: [
            "", "8000", ":8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
            "127.0.0.1:８０", "::1:8000", "[::1]", "[127.0.0.1]:1", "host:1", "256.0.0.1:1", 8000, [:],
            ["address": 1], ["address": "127.0.0.1:1", "cert": "x"], ["address": "127.0.0.1:1", "certificate": ""],
        ] as [JSON])
    func nonsense(value: JSON) {
        #expect(throws: ConfigProblem.self) { try ListenAddress(config: value) }
    }

    @Test("what is printed can be read again")
    func configText() throws {
        let listener = ListenAddress(address: "::1", port: 1, certificate: "/c \"x\"", key: "/k")
        #expect(listener.configText == "{address: \"[::1]:1\", certificate: \"/c \\\"x\\\"\", key: \"/k\"}")
        #expect(try ListenAddress(config: YAML.parse(listener.configText, file: "c").json) == listener)
    }
}
