import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// Rows of the catalogs: seed 000 §1–4, `spec/catalogs.md` §1–4.
@Suite struct EntryTests {
    @Test("the seed's LoRA is added once, and what a second POST does not name stays")
    func upsert() async throws {
        try await withCatalogs { rig in
            let first = await rig.send(
                .post, "/loras",
                [
                    "file_name": "杯子1124.safetensors", "display_name": "杯子印花 LoRA",
                    "base_models": ["qwen_image_edit_2509"], "tags": ["cup"], "status": "inactive",
                ])
            #expect(first.status == .ok)
            #expect(first.json?["base_model"] == "qwen_image_edit_2509")
            let second = await rig.send(
                .post, "/loras", ["file_name": "杯子1124.safetensors", "display_name": "杯子"])
            #expect(second.json?["id"] == first.json?["id"])
            #expect(second.json?["status"] == "inactive")
            #expect(second.json?["display_name"] == "杯子")
            let list = await rig.send(.get, "/loras?q=%E6%9D%AF")
            #expect(list.json?["items"]?.arrayValue?.count == 1)
        }
    }
}
