import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

@Suite("Jobs")
struct JobTests {
    @Test("a saved image can be viewed and holds the prompt and the workflow")
    func savedImage() async throws {
        let fixture = try SimulatorFixture()
        let extra: JSON = ["extra_pnginfo": ["workflow": ["nodes": []]]]
        await fixture.post(
            "/prompt", ["prompt": SimulatorFixture.prompt(size: 300), "prompt_id": "p", "extra_data": extra])
        await fixture.runJobs()
        let entry = await fixture.get("/history/p")["p"]
        #expect(
            entry?["outputs"]?["2"]?["images"]
                == [["filename": "img_00001_.png", "subfolder": "lab", "type": "output"]])
        let file = await fixture.send(.get, "/view?filename=img_00001_.png&subfolder=lab&type=output")
        #expect(file.headers["Content-Type"] == "image/png")
        #expect(PNG.size(of: file.body)?.width == 300)
        #expect(file.text.contains("tEXtprompt\u{0}{\"1\": {\"class_type\": \"EmptyImage\""))
        #expect(file.text.contains("tEXtworkflow\u{0}{\"nodes\": []}"))
    }

    @Test("the same prompt again is cached and keeps its old file names")
    func cachedRerun() async throws {
        let fixture = try SimulatorFixture()
        for id in ["one", "two"] {
            await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt(), "prompt_id": .string(id)])
            await fixture.runJobs()
        }
        let history = await fixture.get("/history")
        #expect(history["one"]?["outputs"] == history["two"]?["outputs"])
        #expect(history["two"]?["status"]?["messages"]?[1]?[1]?["nodes"] == ["1", "2"])
        #expect(Disk.names(in: fixture.folder + "/output/lab") == ["img_00001_.png"])
    }

    @Test("a changed value runs what depends on it again and leaves the rest cached")
    func partlyCached() async throws {
        let fixture = try SimulatorFixture()
        for prefix in ["lab/a", "lab/b"] {
            await fixture.post(
                "/prompt", ["prompt": SimulatorFixture.prompt(prefix: prefix), "prompt_id": .string(prefix)])
            await fixture.runJobs()
        }
        let entry = await fixture.get("/history/lab%2Fb")["lab/b"]
        #expect(entry?["status"]?["messages"]?[1]?[1]?["nodes"] == ["1"])
        #expect(Disk.names(in: fixture.folder + "/output/lab") == ["a_00001_.png", "b_00001_.png"])
    }

    @Test("an interrupt ends the running job at its next step and no other")
    func interrupt() async throws {
        let clock = ManualClock()
        let fixture = try SimulatorFixture(clock: clock)
        for id in ["one", "two"] {
            let prompt = id == "one" ? SimulatorFixture.slowPrompt() : SimulatorFixture.prompt()
            await fixture.post("/prompt", ["prompt": prompt, "prompt_id": .string(id)])
        }
        let jobs = Task { await fixture.runJobs() }
        await clock.waitForSleepers()
        await fixture.post("/interrupt", ["prompt_id": "two"])
        clock.advance(by: .seconds(1))
        await clock.waitForSleepers()
        #expect(await fixture.get("/queue")["queue_running"]?[0]?[1] == "one", "a pending job is not interrupted")
        await fixture.post("/interrupt", ["prompt_id": "one"])
        clock.advance(by: .seconds(1))
        await jobs.value
        let history = await fixture.get("/history")
        #expect(history["one"]?["status"]?["status_str"] == "error")
        #expect(history["one"]?["status"]?["messages"]?[2]?[0] == "execution_interrupted")
        #expect(history["two"]?["status"]?["status_str"] == "success")
    }

    @Test("an interrupt while nothing runs has no effect on the next job")
    func idleInterrupt() async throws {
        let fixture = try SimulatorFixture()
        #expect(await fixture.send(.post, "/interrupt").status == 200)
        await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt(), "prompt_id": "p"])
        await fixture.runJobs()
        #expect(await fixture.get("/history/p")["p"]?["status"]?["status_str"] == "success")
    }

    @Test("images are the same for the same seed, and differ for another")
    func sampler() async throws {
        let fixture = try SimulatorFixture()
        var files: [[UInt8]] = []
        for (name, seed) in [("a", 1), ("b", 1), ("c", 2)] {
            await fixture.post(
                "/prompt", ["prompt": Self.textToImage(seed: seed, prefix: name), "prompt_id": .string(name)])
            await fixture.runJobs()
            let file = await fixture.send(.get, "/view?filename=\(name)_00001_.png")
            #expect(file.status == 200)
            // The pixels alone: the texts name the file.
            let start = try #require(file.body.indices.last { file.body[$0...].starts(with: "IDAT".utf8) })
            files.append(Array(file.body[start...]))
        }
        #expect(files[0] == files[1])
        #expect(files[1] != files[2])
    }

    @Test("an image that no memory holds fails the job, not the server")
    func hugeImage() async throws {
        let fixture = try SimulatorFixture()
        await fixture.post("/prompt", ["prompt": SimulatorFixture.prompt(size: 16384), "prompt_id": "p"])
        await fixture.runJobs()
        #expect(await fixture.get("/history/p")["p"]?["status"]?["status_str"] == "error")
    }

    @Test("absurd numbers that come through links fail the job, not the server", arguments: [Int.max, -Int.max, 0])
    func linkedNumbers(number: Int) async throws {
        let fixture = try SimulatorFixture()
        var prompt = SimulatorFixture.prompt()
        prompt["7"] = ["class_type": "PrimitiveInt", "inputs": ["value": .number(JSONNumber(number))]]
        for name in ["width", "height", "batch_size", "color"] { prompt["1"]?["inputs"]?[name] = ["7", 0] }
        prompt["4"] = [
            "class_type": "LabSleep",
            "inputs": ["image": ["1", 0], "seconds": 1.0, "steps": ["7", 0], "preview": "none", "nonce": 1],
        ]
        prompt["5"] = ["class_type": "UpscaleModelLoader", "inputs": ["model_name": "lab-tiny-x2.safetensors"]]
        prompt["6"] = [
            "class_type": "ImageUpscaleWithModel", "inputs": ["upscale_model": ["5", 0], "image": ["4", 0]],
        ]
        prompt["8"] = [
            "class_type": "ImageScale",
            "inputs": [
                "image": ["6", 0], "upscale_method": "area", "width": 0, "height": ["7", 0], "crop": "disabled",
            ],
        ]
        prompt["2"]?["inputs"]?["images"] = ["8", 0]
        await fixture.post("/prompt", ["prompt": prompt, "prompt_id": "p"])
        await fixture.runJobs()
        #expect(await fixture.get("/history/p")["p"]?["status"]?["status_str"] == "error")
    }

    private static func textToImage(seed: Int, prefix: String) -> JSON {
        [
            "1": [
                "class_type": "CheckpointLoaderSimple", "inputs": ["ckpt_name": "simulated.safetensors"],
            ],
            "2": ["class_type": "CLIPTextEncode", "inputs": ["text": "a cat", "clip": ["1", 1]]],
            "3": ["class_type": "EmptyLatentImage", "inputs": ["width": 64, "height": 64, "batch_size": 1]],
            "4": [
                "class_type": "KSampler",
                "inputs": [
                    "model": ["1", 0], "seed": .number(JSONNumber(seed)), "steps": 3, "cfg": 7.0,
                    "sampler_name": "euler", "scheduler": "normal", "positive": ["2", 0], "negative": ["2", 0],
                    "latent_image": ["3", 0], "denoise": 1.0,
                ],
            ],
            "5": ["class_type": "VAEDecode", "inputs": ["samples": ["4", 0], "vae": ["1", 2]]],
            "6": ["class_type": "SaveImage", "inputs": ["images": ["5", 0], "filename_prefix": .string(prefix)]],
        ]
    }
}
