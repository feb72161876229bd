import PluginAPI
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "texts are read, and written in their usual form",
        arguments: [
            ("10.0.0.8", "10.0.0.8", 4), ("fd00:0:0:0:0:0:0:1", "fd00::1", 16), ("::", "::", 16),
            ("::FFFF:10.0.0.8", "10.0.0.8", 4), ("0:0:0:0:0:ffff:a00:8", "10.0.0.8", 4),
            ("::10.0.0.8", "::10.0.0.8", 16),
        ])
    func texts(_ text: String, _ usual: String, _ count: Int) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == usual)
        #expect(address.bytes.count == count)
        #expect(IPAddress(usual) == address)
    }

    @Test(
        "what is no address",
        arguments: ["", "10.0.0", "10.0.0.256", "10.0.0.8 ", "010.0.0.8x", "[::1]", "fe80::1%eth0", "localhost", ":::"])
    func none(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("bytes are 4 or 16, and one address has one form")
    func bytes() {
        #expect(IPAddress(bytes: [10, 0, 0]) == nil)
        #expect(IPAddress(bytes: [10, 0, 0, 8]) == IPAddress("10.0.0.8"))
        #expect(IPAddress(bytes: Array(repeating: 0, count: 10) + [0xFF, 0xFF, 10, 0, 0, 8]) == IPAddress("10.0.0.8"))
        #expect(IPAddress(bytes: Array(repeating: 0, count: 15) + [1]) == IPAddress("::1"))
        #expect(IPAddress(bytes: Array(repeating: 0, count: 17)) == nil)
    }
}
