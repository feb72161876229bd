import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// What servers have: both encodings of choices, the memory for it, failures (`spec/catalogs.md` §5).
@Suite struct InventoryTests {
    @Test("both encodings of choices are read, and every kind is there")
    func encodings() throws {
        let info: JSON = [
            "UNETLoader": ["input": ["required": ["unet_name": [["b.safetensors", "a.safetensors"], [:]]]]],
            "VAELoader": ["input": ["required": ["vae_name": ["COMBO", ["options": ["v.pt", 1]]]]]],
            "LoraLoaderModelOnly": ["input": ["optional": ["lora_name": [["x\\y.safetensors"]]]]],
            "KSampler": ["input": [:]],
        ]
        let inventory = try ObjectInfo.inventory(info.serialized())
        #expect(inventory.models["unet"] == ["b.safetensors", "a.safetensors"])
        #expect(inventory.models["vae"] == ["v.pt"])
        #expect(inventory.models["lora"] == ["x\\y.safetensors"])
        #expect(inventory.models["clip"] == [])
        #expect(Set(inventory.models.keys) == Set(ModelKind.all.map(\.name)))
        #expect(inventory.nodeKeys == ["KSampler", "LoraLoaderModelOnly", "UNETLoader", "VAELoader"])
    }
}
