import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// What servers have: both encodings of choices, the memory for it, failures (`spec/catalogs.md` §5).
@Suite struct InventoryTests {
    private static let executors: JSON = [["id": "a", "base_url": "http://a:8188"]]
    private static let url = "http://a:8188/object_info"

    @Test("both encodings of choices are read, and every kind is there")
    func encodings() throws {
        let info: JSON = [
            "UNETLoader": ["input": ["required": ["unet_name": [["b.safetensors", "a.safetensors"], [:]]]]],
            "VAELoader": ["input": ["required": ["vae_name": ["COMBO", ["options": ["v.pt", 1]]]]]],
            "LoraLoaderModelOnly": ["input": ["optional": ["lora_name": [["x\\y.safetensors"]]]]],
            "CLIPLoader": ["input": ["required": ["clip_name": ["STRING", ["options": ["no"]]]]]],
            "GLIGENLoader": ["input": ["required": ["gligen_name": ["COMBO"]]]],
            "StyleModelLoader": 7, "KSampler": ["input": [:]],
        ]
        let inventory = try ObjectInfo.inventory(info.serialized())
        #expect(inventory.models["unet"] == ["b.safetensors", "a.safetensors"])
        #expect(inventory.models["vae"] == ["v.pt"])
        #expect(inventory.models["lora"] == ["x\\y.safetensors"])
        for kind in ["clip", "gligen", "style_models", "checkpoints"] {
            #expect(inventory.models[kind] == [], "\(kind)")
        }
        #expect(Set(inventory.models.keys) == Set(ModelKind.all.map(\.name)))
        #expect(inventory.nodeKeys == info.objectValue.map { $0.keys.sorted() })
    }

    @Test("a kind with several loaders has the choices of all, each once")
    func union() throws {
        let info: JSON = [
            "CLIPLoader": ["input": ["required": ["clip_name": [["a", "b"]]]]],
            "DualCLIPLoader": ["input": ["required": ["clip_name1": [["b", "c"]], "clip_name2": [["c", "d"]]]]],
            "QuadrupleCLIPLoader": ["input": ["required": ["clip_name4": ["COMBO", ["options": ["e", "a"]]]]]],
        ]
        let inventory = try ObjectInfo.inventory(info.serialized())
        #expect(inventory.models["text_encoders"] == ["a", "b", "c", "d", "e"])
        #expect(inventory.models["clip"] == ["a", "b"])
    }

    @Test("Python's NaN does not spoil an answer")
    func notANumber() throws {
        let text =
            #"{"A": {"default": NaN}, "UNETLoader": {"input": {"required": {"unet_name": [["u"], {"min": -Infinity}]}}}}"#
        let inventory = try ObjectInfo.inventory(Array(text.utf8))
        #expect(inventory.models["unet"] == ["u"])
    }

    @Test("what is no JSON object is refused", arguments: ["", "[]", "null", "<html>", #"{"a": 1"#, #"{"a": 1} x"#])
    func invalid(text: String) async throws {
        try await withFakeServers(executors: Self.executors) { rig async throws in
            rig.servers[Self.url] = .text(text)
            let answer = await rig.get("/models?executorId=a")
            #expect(answer.status == .badGateway)
            #expect(answer.json?["detail"] == "COMFYUI_OBJECT_INFO_INVALID")
        }
    }

    @Test("it is remembered for a minute; refresh asks anew, and what comes is remembered")
    func memory() async throws {
        try await withFakeServers(executors: Self.executors) { rig async throws in
            let server = try await rig.directory.server("a")
            func unet(refresh: Bool = false) async throws -> [String]? {
                try await rig.inventories.inventory(of: server, refresh: refresh).models["unet"]
            }
            rig.servers[Self.url] = FakeServers.objectInfo(unet: ["1"])
            #expect(try await unet() == ["1"])
            rig.servers[Self.url] = FakeServers.objectInfo(unet: ["2"])
            rig.clock.advance(by: .seconds(59))
            #expect(try await unet() == ["1"])
            rig.clock.advance(by: .seconds(1))
            #expect(try await unet() == ["2"])
            rig.servers[Self.url] = FakeServers.objectInfo(unet: ["3"])
            #expect(try await unet(refresh: true) == ["3"])
            #expect(try await unet() == ["3"])
            #expect(rig.asked.count == 3)
            rig.servers[Self.url] = .status(.internalServerError)
            await #expect(throws: HTTPError.self) { try await unet(refresh: true) }
            #expect(try await unet() == ["3"])
        }
    }

    @Test("with a memory of no length each question asks the server")
    func noMemory() async throws {
        try await withFakeServers(executors: Self.executors, configuration: ["object_info_ttl": "0s"]) { rig in
            rig.servers[Self.url] = FakeServers.objectInfo()
            for _ in 0..<2 { _ = await rig.get("/models?executorId=a") }
            #expect(rig.asked.count == 2)
        }
    }

    @Test("a failure is not remembered")
    func failureIsForgotten() async throws {
        try await withFakeServers(executors: Self.executors) { rig async throws in
            rig.servers[Self.url] = .status(.serviceUnavailable)
            #expect(await rig.get("/models?executorId=a").status == .badGateway)
            rig.servers[Self.url] = FakeServers.objectInfo()
            #expect(await rig.get("/models?executorId=a").status == .ok)
        }
    }

    @Test("many who ask at the same time cost one request")
    func joined() async throws {
        try await withFakeServers(executors: Self.executors) { rig async throws in
            let gate = Gate()
            rig.servers[Self.url] = .wait(gate)
            await withTaskGroup(of: Status.self) { group in
                for _ in 0..<8 { group.addTask { await rig.get("/models?executorId=a").status } }
                // All who have come by now, and the rest, are served by one answer or by the memory of it.
                while rig.asked.isEmpty { await Task.yield() }
                await gate.open()
                for await status in group { #expect(status == .ok) }
            }
            #expect(rig.asked.count == 1)
        }
    }

    @Test(
        "a server that cannot be asked is an error of its own",
        arguments: [.status(404), .status(.internalServerError), .status(302), nil] as [FakeServers.Answer?])
    func unreachable(answer: FakeServers.Answer?) async throws {
        try await withFakeServers(executors: Self.executors) { rig async throws in
            rig.servers[Self.url] = answer
            let answer = await rig.get("/models?executorId=a")
            #expect(answer.status == .badGateway)
            #expect(answer.json?["detail"] == "COMFYUI_OBJECT_INFO_ERROR")
            #expect(!answer.text.contains("words"), "the server's own words are not repeated")
        }
    }

    @Test("an answer that takes longer than half a minute is given up", arguments: [FakeServers.Answer.hang, .stall])
    func slow(answer: FakeServers.Answer) async throws {
        try await withFakeServers(executors: Self.executors) { rig async throws in
            rig.servers[Self.url] = answer
            async let response = rig.get("/models?executorId=a")
            await rig.clock.waitForSleepers()
            rig.clock.advance(by: .seconds(30))
            #expect(await response.json?["detail"] == "COMFYUI_OBJECT_INFO_ERROR")
        }
    }

    @Test("an answer that is too large is given up")
    func large() async throws {
        try await withFakeServers(executors: Self.executors) { rig async throws in
            rig.rig.host.client.answer { _ in
                ClientResponse(status: .ok, body: HTTPBody(length: InventoryCache.answerLimit + 1) { nil })
            }
            let answer = await rig.get("/models?executorId=a")
            #expect(answer.json?["detail"] == "COMFYUI_OBJECT_INFO_ERROR")
            #expect(answer.json?["error"]?.stringValue?.contains("too large") ?? false)
        }
    }

    @Test("so many servers are remembered, and a new one takes the place of the oldest")
    func bounded() async throws {
        let count = InventoryCache.limit + 1
        let executors = (0..<count).map { index -> JSON in
            ["id": .string("s\(index)"), "base_url": .string("http://s\(index):8188")]
        }
        try await withFakeServers(executors: .array(executors)) { rig async throws in
            for index in 0..<count {
                rig.servers["http://s\(index):8188/object_info"] = FakeServers.objectInfo()
                _ = await rig.get("/models?executorId=s\(index)")
                rig.clock.advance(by: .milliseconds(1))
            }
            #expect(rig.asked.count == count)
            for index in [count - 1, 1] { _ = await rig.get("/models?executorId=s\(index)") }
            #expect(rig.asked.count == count)
            _ = await rig.get("/models?executorId=s0")
            #expect(rig.asked.count == count + 1)
        }
    }
}
