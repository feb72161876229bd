import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

@Suite("Servers that have different things")
struct NodeListTests {
    @Test("a hidden class is not there, neither for readers nor for prompts, and comes back while the server runs")
    func hidden() async throws {
        let fixture = try SimulatorFixture(["hidden_nodes": ["SaveImage", "Unheard"]])
        #expect(await fixture.get("/object_info")["SaveImage"] == nil)
        #expect(await fixture.get("/object_info/SaveImage") == [:])
        let refused = await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt()])
        #expect(refused.status == 400)
        #expect(refused.json?["error"]?["type"] == "invalid_prompt")
        await fixture.post("/simulator/control", ["hidden_nodes": []])
        #expect(await fixture.get("/object_info")["SaveImage"] != nil)
        #expect(await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt()]).status == 200)
    }

    @Test("an extra class is shown, and a prompt with it runs")
    func extra() async throws {
        let fixture = try SimulatorFixture(["extra_nodes": ["CR Text", "SaveImage"], "hidden_nodes": ["LabText"]])
        let all = await fixture.get("/object_info")
        let plain = try SimulatorFixture()
        let usual = try #require(await plain.get("/object_info").objectValue)
        #expect(all.objectValue?.keys == usual.keys.filter { $0 != "LabText" } + ["CR Text"])
        #expect(all["SaveImage"] == usual["SaveImage"])
        #expect(all["CR Text"]?["python_module"] == "custom_nodes.simulated")
        let prompt: JSON = [
            "1": ["class_type": "CR Text", "inputs": [:]],
            "2": ["class_type": "PreviewAny", "inputs": ["source": ["1", 0]]],
        ]
        #expect(await fixture.post("/prompt", ["prompt": prompt, "prompt_id": "p"]).status == 200)
        await fixture.runJobs()
        #expect(await fixture.get("/history/p")["p"]?["status"]?["completed"] == true)
    }

    @Test("the folders of models and the choices of the loaders have the same names")
    func models() async throws {
        let fixture = try SimulatorFixture(["unets": ["u.safetensors"], "clips": ["c.safetensors"]])
        #expect(await fixture.get("/models/diffusion_models") == ["u.safetensors"])
        #expect(await fixture.get("/models/text_encoders") == ["c.safetensors"])
        let info = await fixture.get("/object_info")
        #expect(info["UNETLoader"]?["input"]?["required"]?["unet_name"]?[0] == ["u.safetensors"])
        #expect(info["CLIPLoader"]?["input"]?["required"]?["clip_name"]?[0] == ["c.safetensors"])
    }
}
