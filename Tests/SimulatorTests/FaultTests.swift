import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

@Suite("Faults and sicknesses")
struct FaultTests {
    private static let prompt: JSON = ["prompt": SimulatorFixture.prompt(), "prompt_id": "p"]

    private func with(_ more: JSONObject) -> JSON {
        var body = Self.prompt
        for (key, value) in more { body[key] = value }
        return body
    }

    @Test("extra data that is null kills the worker: the job stays, nothing runs any more")
    func deadWorker() async throws {
        let fixture = try SimulatorFixture()
        #expect(await fixture.post("/prompt", with(["extra_data": .null])).status == 200)
        await fixture.runJobs()
        await fixture.post("/prompt", with(["prompt_id": "q"]))
        #expect(await !fixture.worker.runNext())
        let queue = await fixture.get("/queue")
        #expect(queue["queue_running"]?[0]?[1] == "p")
        #expect(queue["queue_pending"]?[0]?[1] == "q")
        await fixture.post("/simulator/control", ["forget": true])
        #expect(await fixture.get("/queue") == ["queue_running": [], "queue_pending": []])
        #expect(await fixture.post("/prompt", Self.prompt).json?["number"] == 0)
        await fixture.runJobs()
        #expect(await fixture.get("/history/p")["p"] != nil)
    }

    @Test("a node without inputs that no output needs kills the worker too")
    func unusedBrokenNode() async throws {
        let fixture = try SimulatorFixture()
        var prompt = SimulatorFixture.prompt()
        prompt["9"] = ["class_type": "ImageInvert"]
        #expect(await fixture.post("/prompt", with(["prompt": prompt])).status == 200)
        await fixture.runJobs()
        #expect(await fixture.get("/simulator/state")["worker_dead"] == true)
    }

    @Test("a client id that is an object ends the process, sockets included")
    func exit() async throws {
        let fixture = try SimulatorFixture()
        let socket = try await fixture.socket()
        #expect(await fixture.post("/prompt", with(["client_id": [:]])).status == 200)
        await fixture.runJobs()
        #expect(await fixture.send(.get, "/queue").bodyError != nil)
        #expect(await fixture.get("/simulator/state")["exited"] == true)
        await fixture.post("/simulator/control", ["forget": true])
        #expect(await fixture.send(.get, "/queue").status == 200)
        _ = socket
    }

    @Test("without poison such bodies do no harm")
    func harmless() async throws {
        let fixture = try SimulatorFixture(["poison": false])
        await fixture.post("/prompt", with(["client_id": [:]]))
        await fixture.runJobs()
        #expect(await fixture.get("/history/p")["p"]?["status"]?["status_str"] == "success")
    }

    @Test("the same number and id again is answered 500 and queued nevertheless")
    func twins() async throws {
        let fixture = try SimulatorFixture()
        #expect(await fixture.post("/prompt", with(["number": 1])).status == 200)
        let twin = with(["number": 1, "prompt": SimulatorFixture.prompt(colour: 2)])
        #expect(await fixture.post("/prompt", twin).status == 500)
        #expect(await fixture.get("/prompt") == ["exec_info": ["queue_remaining": 2]])
    }

    @Test("a dropped answer leaves the job behind")
    func droppedAnswer() async throws {
        let fixture = try SimulatorFixture(["drop_prompt_answers": 1])
        #expect(await fixture.post("/prompt", Self.prompt).bodyError != nil)
        await fixture.runJobs()
        #expect(await fixture.get("/history/p")["p"] != nil)
    }

    @Test("the log of runs tells what was accepted, started and ended, over a restart")
    func runLog() async throws {
        let folder = try TestDirectory()
        let fixture = try SimulatorFixture(["run_log": .string(folder.path + "/runs.log")])
        await fixture.post("/prompt", Self.prompt)
        await fixture.post("/simulator/control", ["forget": true])
        await fixture.post("/prompt", Self.prompt)
        await fixture.post("/prompt", with(["prompt": [:]]))
        await fixture.runJobs()
        let lines = try #require(Disk.read(folder.path + "/runs.log", limit: 4096)).split(separator: 10)
        let steps = try lines.map { try JSON(parsing: Array($0)) }.map { [$0["step"], $0["prompt_id"]] }
        #expect(steps == [["accepted", "p"], ["accepted", "p"], ["started", "p"], ["ended", "p"]])
        #expect(await fixture.post("/simulator/control", ["run_log": "/elsewhere"]).status == 400)
    }

    @Test("refused prompts are 500, a server that is down closes everything but its control")
    func refusals() async throws {
        let fixture = try SimulatorFixture()
        await fixture.post("/simulator/control", ["refuse_prompts": true])
        let refused = await fixture.post("/prompt", Self.prompt)
        #expect(refused.status == 500)
        #expect(refused.text == "500 Internal Server Error\n\nServer got itself in trouble")
        await fixture.post("/simulator/control", ["refuse_prompts": false, "down": true])
        #expect(await fixture.send(.get, "/system_stats").bodyError != nil)
        #expect(await fixture.post("/simulator/control", ["down": false]).status == 200)
        #expect(await fixture.send(.get, "/system_stats").status == 200)
    }

    @Test("a wrong setting changes nothing and is named")
    func wrongSetting() async throws {
        let fixture = try SimulatorFixture()
        let answer = await fixture.post("/simulator/control", ["fail_rate": 2, "step_delai": "1s", "down": true])
        #expect(answer.status == 400)
        #expect(answer.text.contains("fail_rate"))
        #expect(answer.text.contains("did you mean \\\"step_delay\\\""))
        #expect(await fixture.send(.get, "/queue").status == 200)
    }

    @Test("credentials are asked for and not shown")
    func credentials() async throws {
        let fixture = try SimulatorFixture(["user": "me", "password": "secret"])
        let refused = await fixture.send(.get, "/queue")
        #expect(refused.status == 401)
        #expect(refused.headers["WWW-Authenticate"]?.hasPrefix("Basic") == true)
        // me:secret
        let admitted = await fixture.send(.get, "/queue", ["Authorization": "Basic bWU6c2VjcmV0"])
        #expect(admitted.status == 200)
        #expect(await fixture.send(.get, "/queue", ["Authorization": "Basic bWU6c2VjcmV1"]).status == 401)
        #expect(await !fixture.send(.get, "/simulator/state").text.contains("secret"))
    }

    @Test("jobs fail at the asked rate, the same ones for the same seed")
    func failRate() async throws {
        var runs: [[JSON]] = []
        for _ in 0..<2 {
            let fixture = try SimulatorFixture(["fail_rate": 0.5])
            for number in 0..<40 {
                let prompt = SimulatorFixture.prompt(colour: number)
                await fixture.post("/prompt", ["prompt": prompt, "prompt_id": .string("\(number)")])
            }
            await fixture.runJobs()
            let history = await fixture.get("/history").objectValue ?? [:]
            runs.append(history.values.compactMap { $0["status"]?["status_str"] })
        }
        #expect(runs[0] == runs[1])
        #expect((5...35).contains(runs[0].count { $0 == "error" }))
    }

    @Test("a restart during a job leaves no trace of it, outputs stay")
    func restart() async throws {
        let clock = ManualClock()
        let fixture = try SimulatorFixture(clock: clock)
        await fixture.post("/prompt", Self.prompt)
        await fixture.runJobs()
        await fixture.post("/prompt", with(["prompt": SimulatorFixture.slowPrompt(), "prompt_id": "slow"]))
        let job = Task { await fixture.worker.runNext() }
        await clock.waitForSleepers()
        await fixture.post("/simulator/control", ["forget": true])
        #expect(await job.value)
        #expect(await fixture.get("/history") == [:])
        #expect(await fixture.get("/queue")["queue_running"] == [])
        #expect(await fixture.send(.get, "/view?filename=img_00001_.png&subfolder=lab").status == 200)
    }

    @Test("a worker that is declared dead starts nothing until it may")
    func workerSetting() async throws {
        let fixture = try SimulatorFixture(["dead_worker": true])
        await fixture.post("/prompt", Self.prompt)
        #expect(await !fixture.worker.runNext())
        await fixture.post("/simulator/control", ["dead_worker": false])
        #expect(await fixture.worker.runNext())
    }
}
