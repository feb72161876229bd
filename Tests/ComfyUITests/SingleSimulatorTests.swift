import ComfyUI
import Glibc
import PluginAPI
import PluginTestKit
import Simulator
import Testing

/// A backend over the simulated ComfyUI of the plugin, in this process; one clock for both.
private struct SimulatedRig {
    let simulator: TestHost<SimulatorPlugin>
    let single: SingleRig

    static func run(_ body: (SimulatedRig) async throws -> Void) async throws {
        let clock = ManualClock()
        let simulator = try TestHost<SimulatorPlugin>(
            configuration: ["seed": 7, "example_image": false, "sleep_scale": 1], clock: clock)
        try await simulator.start()
        let network = SimulatorNetwork(base: "http://comfy:8188", simulator: simulator)
        try await SingleRig.run(FakeComfy("http://comfy:8188"), clock: clock, network: network) { rig in
            let simulated = SimulatedRig(simulator: simulator, single: rig)
            try await rig.drive("the event stream is open") { rig.host.client.requests.contains { $0.isSocket } }
            try await body(simulated)
        }
        await simulator.stop()
    }

    /// A prompt with a node of ten steps in ten seconds.
    static func slow(_ nonce: Int) -> JSON {
        [
            "1": [
                "class_type": "EmptyImage", "inputs": ["width": 16, "height": 16, "batch_size": 1, "color": 1],
            ],
            "2": [
                "class_type": "LabSleep",
                "inputs": [
                    "image": ["1", 0], "seconds": 10.0, "steps": 10, "preview": "none",
                    "nonce": .number(JSONNumber(nonce)),
                ],
            ],
            "3": ["class_type": "SaveImage", "inputs": ["images": ["2", 0], "filename_prefix": "lab/img"]],
        ]
    }

    func submit(_ prompt: JSON, client: String = "tab") async throws -> String {
        let submission = PromptSubmission(prompt: prompt, clientID: client)
        return try await single.during { try await self.single.backend.submit(submission).promptID }
    }
}

/// Leads requests to the simulator's routes.
private struct SimulatorNetwork: HTTPClient {
    let base: String
    let simulator: TestHost<SimulatorPlugin>

    func send(_ request: ClientRequest) async throws -> ClientResponse {
        let body = try await request.body?.collect(upTo: 1 << 26) ?? []
        let answer = await simulator.send(
            request.method, path(request), headers: request.headers, body: HTTPBody(body))
        return ClientResponse(status: answer.status, headers: answer.headers, body: HTTPBody(answer.body))
    }

    func webSocket(_ request: ClientRequest) async throws -> any WebSocket {
        try await simulator.connect(path(request))
    }

    private func path(_ request: ClientRequest) -> String { String(request.url.dropFirst(base.count)) }
}

extension ClientRequest {
    fileprivate var isSocket: Bool { url.contains("/ws?") }
}

@Suite("A single server over the simulated ComfyUI")
struct SingleSimulatorTests {
    @Test("two prompts of a client run one after the other, with progress and files")
    func run() async throws {
        try await SimulatedRig.run { rig in
            let client = Collected(try await rig.single.backend.follow(client: "tab"))
            let first = try await rig.submit(SimulatedRig.slow(1))
            let second = try await rig.submit(SimulatedRig.slow(2))
            try await rig.single.wait(second, for: .done)
            // The board knows of an end before those who follow have taken it in.
            try await rig.single.drive("the end is told") { client.words(of: second).contains("done") }
            for id in [first, second] {
                let words = client.words(of: id)
                #expect(words.first == "submitted")
                #expect(words.last == "done")
                #expect(words.count { $0 == "progress" } == 10)
                #expect(
                    words.filter { ["submitted", "running", "done"].contains($0) } == ["submitted", "running", "done"])
                let job = try #require(await rig.single.backend.job(id))
                let (start, end) = (try #require(job.startedAt), try #require(job.finishedAt))
                #expect(end.milliseconds - start.milliseconds >= 10_000)
                let entry = try #require(await rig.single.backend.history(id))
                let image = try #require(entry["outputs"]?["3"]?["images"]?[0])
                let file = try await rig.single.backend.file(
                    FileReference(filename: image["filename"]?.stringValue ?? "", subfolder: "lab"), of: id,
                    headers: [:])
                #expect(file.status == .ok)
            }
            #expect(try await rig.single.backend.histories(HistoryRange(maxItems: 1)).keys == [second])
            #expect(try await rig.single.backend.histories(HistoryRange()).keys == [first, second])
            let stats = try await rig.single.backend.client(of: "default").send(ClientRequest(.get, "/system_stats"))
            #expect(stats.status == .ok)
        }
    }

    @Test("cancelling what runs and what waits; the next one runs to its end")
    func cancel() async throws {
        try await SimulatedRig.run { rig in
            let ids = [
                try await rig.submit(SimulatedRig.slow(1)), try await rig.submit(SimulatedRig.slow(2)),
                try await rig.submit(SimulatedRig.slow(3)),
            ]
            try await rig.single.wait(ids[0], for: .running)
            #expect(try await rig.single.backend.job(ids[2])?.position == 2)
            #expect(try await rig.single.backend.cancel(ids[1], by: "admin"))
            #expect(try await rig.single.backend.cancel(ids[0], by: "admin"))
            try await rig.single.wait(ids[0], for: .cancelled)
            try await rig.single.wait(ids[2], for: .done)
            #expect(try await rig.single.backend.job(ids[1])?.state == .cancelled)
        }
    }

    @Test("sockets that are dropped and a restart in the middle")
    func faults() async throws {
        try await SimulatedRig.run { rig in
            let client = Collected(try await rig.single.backend.follow(client: "tab"))
            let first = try await rig.submit(SimulatedRig.slow(1))
            try await rig.single.wait(first, for: .running)
            _ = await rig.simulator.send(.post, "/simulator/control", json: ["drop_sockets": true])
            try await rig.single.wait(first, for: .done)
            // The board knows of an end before those who follow have taken it in.
            try await rig.single.drive("the end is told") { client.words(of: first).contains("done") }
            #expect(client.words(of: first).count { $0 == "done" } == 1)
            let second = try await rig.submit(SimulatedRig.slow(2))
            try await rig.single.wait(second, for: .running)
            _ = await rig.simulator.send(.post, "/simulator/control", json: ["forget": true])
            try await rig.single.wait(second, for: .lost)
        }
    }

    @Test("an input file comes to the server, at the latest with the prompt that names it")
    func inputs() async throws {
        try await SimulatedRig.run { rig in
            let path = rig.single.host.directory.path + "/upload"
            let file = try #require(fopen(path, "w"))
            fputs("pixels", file)
            fclose(file)
            let control = "/simulator/control"
            _ = await rig.simulator.send(.post, control, json: ["down": true])
            let upload = InputUpload(path: path, size: 6, filename: "x.png")
            let refusal = await #expect(throws: HTTPError.self) {
                try await rig.single.during { try await rig.single.backend.keep(upload) }
            }
            #expect(refusal?.status == .serviceUnavailable)
            _ = await rig.simulator.send(.post, control, json: ["down": false])
            #expect(await rig.simulator.send(.get, "/view?filename=x.png&type=input").status == .notFound)
            var prompt = SimulatedRig.slow(1)
            prompt["3"]?["inputs"]?["filename_prefix"] = "x.png"
            _ = try await rig.submit(prompt)
            #expect(await rig.simulator.send(.get, "/view?filename=x.png&type=input").text == "pixels")
        }
    }

    @Test("refusals have the server's words")
    func refusal() async throws {
        try await SimulatedRig.run { rig in
            var broken = SimulatedRig.slow(1)
            broken["3"]?["inputs"]?["filename_prefix"] = nil
            let refusal = await #expect(throws: PromptRefusal.self) { try await rig.submit(broken) }
            #expect(refusal?.error["type"] == "prompt_outputs_failed_validation")
            #expect(refusal?.nodeErrors["3"] != nil)
        }
    }
}
