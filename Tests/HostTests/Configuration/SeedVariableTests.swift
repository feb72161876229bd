import Host
import PluginAPI
import Testing

@Suite("Variables of the imitated services")
struct SeedVariableTests {
    private func load(_ environment: [String: String], _ text: String = "") throws -> LoadedConfiguration {
        let directory = TemporaryDirectory()
        directory.write("comfyd.yaml", text)
        return try loadConfiguration(file: nil, environment: environment, workingDirectory: directory.path)
    }

    @Test(
        "listeners",
        arguments: [
            (["HOST": "0.0.0.0", "PORT": "9000"], ["0.0.0.0:9000"]),
            (["PORT": "9000"], ["127.0.0.1:9000"]),
            (["HOST": "::"], ["[::]:8000"]),
            (["FLASK_HOST": "0.0.0.0", "FLASK_PORT": "5001", "PORT": "9000"], ["127.0.0.1:9000", "0.0.0.0:5001"]),
            (["HOST": "my-machine"], ["127.0.0.1:7000"]),
            (["PORT": "9000", "COMFYD_LISTEN": "127.0.0.1:1,[::1]:2"], ["127.0.0.1:1", "[::1]:2"]),
        ])
    func listeners(environment: [String: String], expected: [String]) throws {
        let loaded = try load(environment, "listen: 127.0.0.1:7000")
        #expect(loaded.daemon.listen.map(\.text) == expected)
    }

    @Test("the single ComfyUI server")
    func comfyUI() throws {
        #expect(try load(["COMFYUI_HOST": "10.0.0.4"]).daemon.comfyui.baseURL == "http://10.0.0.4:8188")
        #expect(try load(["COMFYUI_PORT": "8189"]).daemon.comfyui.baseURL == "http://127.0.0.1:8189")
        let both = ["COMFYUI_PORT": "8189", "COMFYUI_BASE_URL": "http://gpu:1/"]
        #expect(try load(both).daemon.comfyui.baseURL == "http://gpu:1")
    }

    @Test("debugging and tokens")
    func others() throws {
        #expect(try load(["FLASK_DEBUG": "True"]).daemon.log.level == .debug)
        #expect(try load(["DEBUG": "false"]).daemon.log.level == .info)
        let tokens = try load(["ADMIN_TOKENS": "a,b", "SERVICE_API_TOKEN": "c"]).daemon.auth.adminTokens
        #expect(tokens == [Secret("a"), Secret("b"), Secret("c")])
    }

    @Test("a wrong port is blamed on its variable")
    func wrongPort() {
        #expect {
            try load(["PORT": "http"])
        } throws: { error in
            "\(error)".hasPrefix("environment variable PORT (listen): item 1: \"127.0.0.1:http\" is not an address")
        }
    }
}
