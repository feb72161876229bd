import ComfyUI
import Glibc
import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Input files are where the prompts that name them run")
struct InputTests {
    private func upload(_ rig: GatewayRig, _ name: String, _ content: String = "x") throws -> InputUpload {
        let path = rig.directory.path + "/up-\(name)"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        let bytes = Array(content.utf8)
        #expect(write(file, bytes, bytes.count) == bytes.count)
        return InputUpload(path: path, size: bytes.count, filename: name)
    }

    private static func prompt(_ name: String) -> JSONObject {
        ["prompt": ["1": ["class_type": "LoadImage", "inputs": ["image": .string(name)]]]]
    }

    @Test("an upload goes to all workers that answer, and to the others before the first prompt that names it")
    func place() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        first.with { $0.isDown = true }
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            let backend = GatewayBackend(engine: rig.engine)
            try await eventually("judged") {
                rig.engine.pool.members.map(\.health.isHealthy) == [false, true]
            }
            let placed = try await backend.keep(upload(rig, "cat.png"))
            #expect(placed.reference == FileReference(filename: "cat.png", type: "input"))
            #expect(placed.missingOn.map(\.url) == ["http://a:1"])
            #expect(second.with { $0.uploads } == ["cat.png"])
            first.with { $0.isDown = false }
            second.with { $0.isDown = true }
            try await eventually("judged") {
                rig.engine.pool.members.map(\.health.isHealthy) == [true, false]
            }
            #expect(await rig.submit(Self.prompt("dog.png")).status == .ok)
            #expect(first.with { $0.uploads }.isEmpty)
            #expect(await rig.submit(Self.prompt("cat.png")).status == .ok)
            #expect(first.with { $0.uploads } == ["cat.png"] && first.count == 2)
            #expect(await rig.submit(Self.prompt("cat.png")).status == .ok)
            #expect(first.with { $0.uploads.count } == 1)
        }
    }

    @Test("a worker that cannot be brought the file does not get the prompt, and it is not charged for that")
    func notPlaced() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            for worker in [first, second] {
                worker.with { $0.uploadAnswer = { ClientResponse(status: .internalServerError) } }
            }
            await #expect(throws: HTTPError.self) {
                try await GatewayBackend(engine: rig.engine).keep(upload(rig, "cat.png"))
            }
            var prompt = Self.prompt("cat.png")
            prompt["prompt_id"] = "a"
            #expect(await rig.submit(prompt).status == .ok)
            #expect(first.count + second.count == 0)
            #expect(rig.engine.table["a"]?.job.attempts == 0)
            // Others go on meanwhile, to the same workers.
            #expect(await rig.submit(["prompt_id": "b"]).status == .ok)
            try await eventually("handed over") { first.count + second.count == 1 }
            #expect(rig.engine.pool.members.allSatisfy { $0.breaker.state == .closed && $0.health == .healthy })
            second.with { $0.uploadAnswer = nil }
            try await eventually("placed") { second.submitted.contains("a") }
            #expect(second.with { $0.uploads } == ["cat.png"] && !first.submitted.contains("a"))
        }
    }

    @Test("a prompt whose file no worker can be given ends after a while, and does not hold up others for ever")
    func neverPlaced() async throws {
        let (worker, clock) = (FakeComfy("http://a:1"), ManualClock())
        try await GatewayRig.run([worker], ["max_in_flight": 2], clock: clock) { rig in
            try await GatewayRig.drive(clock, "healthy") {
                rig.engine.pool.members.allSatisfy { $0.health == .healthy }
            }
            _ = try await GatewayBackend(engine: rig.engine).keep(upload(rig, "cat.png"))
            rig.engine.registry.inputs.forget(serverID: rig.engine.pool.members[0].worker.id)
            worker.with { $0.uploadAnswer = { ClientResponse(status: .internalServerError) } }
            for id in ["a", "b"] {
                var prompt = Self.prompt("cat.png")
                prompt["prompt_id"] = .string(id)
                _ = try await rig.submitted(clock, prompt)
            }
            _ = try await rig.submitted(clock, ["prompt_id": "c"])
            try await GatewayRig.drive(clock, "the others have ended") {
                worker.submitted == ["c"] && rig.engine.table["a"] == nil && rig.engine.table["b"] == nil
            }
            for id in ["a", "b"] {
                let job = try await rig.stored(id)
                #expect(job?.state == .failed, "\(String(describing: job))")
                #expect(job?.error?.contains("input file") == true)
            }
        }
    }

    @Test("a worker that was away is brought the file again: it may be another one")
    func forgotten() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            _ = try await GatewayBackend(engine: rig.engine).keep(upload(rig, "cat.png"))
            #expect(worker.with { $0.uploads.count } == 1)
            worker.with { $0.isDown = true }
            try await eventually("away") { !rig.engine.pool.members.allSatisfy(\.health.isHealthy) }
            worker.with { $0.isDown = false }
            try await eventually("back") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            #expect(await rig.submit(Self.prompt("cat.png")).status == .ok)
            #expect(worker.with { $0.uploads.count } == 2)
        }
    }
}
