import ComfyUI
import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// `GET /api/task_status/{prompt_id}` and `GET /api/image/{prompt_id}`.
@Suite("task status and images")
struct TaskStatusTests {
    static let id = "c74f73fc-fb01-4b3c-81a5-cab506c43e27"

    static func job(_ state: JobState, _ change: (inout PromptJob) -> Void = { _ in }) -> PromptJob {
        var job = PromptJob(promptID: id, state: state, server: FakeBackend.server)
        change(&job)
        return job
    }

    /// A result with files of three nodes, executed for 10.5 seconds.
    static let history: JSON = [
        "prompt": [1, .string(id), [:], [:], ["9"]],
        "outputs": [
            "9": ["images": [["filename": "a b.png", "subfolder": "s/ü", "type": "output"]], "text": ["no file"]],
            "4": [
                "images": [["filename": "t.png", "subfolder": "", "type": "temp"]],
                "gifs": [["filename": "v.mp4", "subfolder": "", "type": "output"]],
                "audio": [["filename": "s.flac", "subfolder": "", "type": "output"]],
            ],
        ],
        "status": [
            "status_str": "success", "completed": true,
            "messages": [
                ["execution_start", ["prompt_id": .string(id), "timestamp": 1_767_225_600_000]],
                ["execution_cached", ["nodes": [], "timestamp": 1_767_225_600_100]],
                ["execution_success", ["prompt_id": .string(id), "timestamp": 1_767_225_610_500]],
            ],
        ],
    ]

    private static func failure(_ kind: String, _ data: JSON) -> JSON {
        var data = data
        data["timestamp"] = 1_767_225_602_250
        return [
            "outputs": [:],
            "status": [
                "status_str": "error", "completed": false,
                "messages": [["execution_start", ["timestamp": 1_767_225_600_000]], [.string(kind), data]],
            ],
        ]
    }

    /// What `task_status` says of a job.
    private func status(
        _ job: PromptJob?, _ history: JSON? = nil, configuration: JSON = [:],
        _ script: (inout FakeBackend.Script) -> Void = { _ in }
    ) async throws -> JSON {
        var body = JSON.null
        try await withWorkflows(configuration: configuration) { rig in
            rig.backend.script { state in
                state.jobs[Self.id] = job
                state.histories[Self.id] = history
                script(&state)
            }
            let answer = await rig.host.send(.get, "/api/task_status/\(Self.id)")
            #expect(answer.status == .ok, "\(answer.text)")
            body = try #require(answer.json)
        }
        return body
    }

    @Test("never seen is not_found, with 200")
    func notFound() async throws {
        #expect(try await status(nil) == ["status": "not_found", "message": "Task not found"])
    }

    @Test(
        "what waits anywhere is pending with its place; one being handed over too",
        arguments: [
            (.queued, 7, 7), (.queued, nil, 1), (.dispatching, nil, 1), (.submitted, 2, 2), (.submitted, 0, 1),
        ] as [(JobState, Int?, Int)])
    func pending(_ state: JobState, _ position: Int?, _ shown: Int) async throws {
        let body = try await status(Self.job(state) { $0.position = position })
        #expect(
            body == [
                "status": "pending", "message": "Task is waiting in queue",
                "queue_position": .number(JSONNumber(shown)),
            ])
    }

    @Test("running has execution_info, an object, with the item of ComfyUI's queue")
    func running() async throws {
        let job = Self.job(.running) { job in
            job.number = 5
            job.progress = 42.5
            job.currentNode = "3"
        }
        let item: JSON = [5, .string(Self.id), [:], ["client_id": "c", "create_time": 1], ["9"]]
        let body = try await status(job) { script in
            script.queue = PromptQueue(running: [
                QueuedPrompt(promptID: "other", item: [4, "other", [:], ["x": 1], []]),
                QueuedPrompt(promptID: Self.id, item: item),
            ])
        }
        #expect(
            body == [
                "status": "running", "message": "Task is currently running",
                "execution_info": [
                    "number": 5, "prompt_id": .string(Self.id),
                    "extra_data": ["client_id": "c", "create_time": 1], "outputs_to_execute": ["9"],
                    "worker_id": "server-1", "progress": 42.5, "node": "3",
                ],
            ])
        let early = try await status(Self.job(.running) { $0.progress = .nan })
        #expect(
            early["execution_info"] == [
                "number": nil, "prompt_id": .string(Self.id), "extra_data": [:], "outputs_to_execute": [],
                "worker_id": "server-1", "progress": 0, "node": nil,
            ])
    }

    @Test("completed has the files of all nodes, each with its own type and links, and the seconds of execution")
    func completed() async throws {
        let body = try await status(Self.job(.done) { $0.nodeErrors = ["7": [:]] }, Self.history)
        #expect(body["status"] == "completed")
        #expect(body["message"] == "Image generation completed")
        #expect(body["execution_time"] == 10.5)
        #expect(body["node_errors"] == ["7": [:]])
        let images = try #require(body["images"]?.arrayValue)
        #expect(images.map { $0["filename"] } == ["a b.png", "t.png"])
        #expect(
            images.first == [
                "url": .string(
                    "http://test.local/api/view?prompt_id=\(Self.id)&filename=a%20b.png&subfolder=s%2F%C3%BC&type=output"
                ),
                "filename": "a b.png", "subfolder": "s/ü", "type": "output",
                "comfyui_url": "http://gpu-1:8188/view?filename=a%20b.png&subfolder=s%2F%C3%BC&type=output",
            ])
        #expect(images.last?["type"] == "temp")
        #expect(body["videos"]?[0]?["filename"] == "v.mp4")
        #expect(body["audio"]?[0]?["filename"] == "s.flac")
    }

    @Test("image_urls direct makes url the server's own address")
    func direct() async throws {
        let body = try await status(Self.job(.done), Self.history, configuration: ["image_urls": "direct"])
        #expect(body["images"]?[1]?["url"] == "http://gpu-1:8188/view?filename=t.png&subfolder=&type=temp")
    }

    @Test("a success without files is completed, not something to wait for")
    func noFiles() async throws {
        let job = Self.job(.done) { job in
            job.startedAt = Timestamp(milliseconds: 1000)
            job.finishedAt = Timestamp(milliseconds: 3500)
        }
        for history in [["outputs": [:]], nil] as [JSON?] {
            #expect(
                try await status(job, history) == [
                    "status": "completed", "message": "Image generation completed", "images": [],
                    "execution_time": 2.5, "node_errors": [:],
                ])
        }
    }

    @Test("processing: it has ended, its result is on the way")
    func processing() async throws {
        let job = Self.job(.running) { job in
            job.isEnding = true
            job.startedAt = Timestamp(milliseconds: 1_767_225_600_000 - 1500)
        }
        #expect(
            try await status(job) == [
                "status": "processing", "message": "Task has ended, its result is being fetched",
                "execution_time": 1.5, "node_errors": [:],
            ])
    }

    @Test(
        "a prompt that failed, was interrupted, cancelled or lost is error with 200 and the reason",
        arguments: [
            (.failed, nil, failure("execution_error", ["exception_message": "no memory\n"]), "no memory", 2.25),
            (.failed, "boom", nil, "boom", 0.0), (.lost, "The worker lost it.", nil, "The worker lost it.", 0.0),
            (.cancelled, nil, failure("execution_interrupted", [:]), "Task was interrupted", 2.25),
            (.cancelled, nil, nil, "Task was cancelled", 0.0), (.failed, "", nil, "Task failed", 0.0),
        ] as [(JobState, String?, JSON?, String, Double)])
    func failed(
        _ state: JobState, _ message: String?, _ history: JSON?, _ words: String, _ seconds: Double
    ) async throws {
        let body = try await status(Self.job(state) { $0.message = message }, history)
        #expect(
            body == [
                "status": "error", "message": .string(words), "error": .string(words), "images": [],
                "execution_time": .number(JSONNumber(seconds)), "node_errors": [:],
            ])
    }

    @Test("unknown: its server does not answer, or answers nonsense", arguments: [JobState.submitted, .running])
    func unknown(_ state: JobState) async throws {
        let body = try await status(
            Self.job(state) { job in
                job.server?.healthy = false
                job.isEnding = true
            })
        #expect(body["status"] == "unknown")
        #expect(body["message"]?.stringValue?.isEmpty == false)
        let nonsense = try await status(nil) { $0.failure = ComfyServerError(status: 500, body: []) }
        #expect(nonsense["status"] == "unknown")
        // One that waits here does not need that server.
        let waiting = try await status(Self.job(.queued) { $0.server?.healthy = false })
        #expect(waiting["status"] == "pending")
    }

    @Test("a check that fails is error with 500")
    func checkFailed() async throws {
        try await withWorkflows { rig in
            for failure in [
                HTTPClientError(.connect, mayHaveBeenProcessed: false, "secret"),
                HTTPError(.serviceUnavailable, "gateway.no_worker", "No worker can be used."), TestFailure(),
            ] as [any Error] {
                rig.backend.script { $0.failure = failure }
                let answer = await rig.host.send(.get, "/api/task_status/\(Self.id)")
                #expect(answer.status == .internalServerError)
                #expect(answer.json?["status_code"] == 500)
                #expect(answer.json?["error"]?.stringValue?.isEmpty == false)
                #expect(!answer.text.contains("secret"))
                guard !(failure is TestFailure) else { continue }
                #expect(answer.json?["status"] == "error")
                #expect(answer.json?["message"] == answer.json?["error"])
            }
        }
    }

    @Test("a backend that never answers does not hold the request")
    func silence() async throws {
        try await withWorkflows { rig in
            let (asked, wasAsked) = AsyncStream<Void>.makeStream()
            let client = StubHTTPClient { _ in
                wasAsked.finish()
                try await Task.sleep(for: .seconds(3600))
                return ClientResponse(status: .ok)
            }
            rig.backend.script { $0.clients[FakeBackend.server.id] = client }
            async let answer = rig.host.send(.get, "/api/status")
            for await _ in asked {}
            await rig.host.clock.waitForSleepers()
            rig.host.clock.advance(by: ServerController.answerLimit)
            #expect(await answer.status == .badGateway)
        }
    }

    // MARK: - Images

    @Test("images of a success; those of an unfinished prompt are still to come; the rest is 404")
    func images() async throws {
        try await withWorkflows { rig in
            func ask(_ job: PromptJob?, _ history: JSON? = nil) async -> TestResponse {
                rig.backend.script { script in
                    script.jobs[Self.id] = job
                    script.histories[Self.id] = history
                    script.remaining = 3
                }
                return await rig.host.send(.get, "/api/image/\(Self.id)")
            }
            let done = await ask(Self.job(.done), Self.history)
            #expect(done.json?["status"] == "success")
            #expect(done.json?["images"]?.arrayValue?.count == 2)
            #expect(done.json?["videos"]?.arrayValue?.count == 1)
            for state in [JobState.queued, .dispatching, .submitted, .running] {
                let answer = await ask(Self.job(state))
                #expect(answer.status == .ok)
                #expect(answer.json?["status"] == "processing")
                #expect(answer.json?["message"]?.stringValue?.isEmpty == false)
                #expect(answer.json?["queue_remaining"] == 3)
                #expect(answer.json?["images"] == [])
            }
            for answer in [
                await ask(nil), await ask(Self.job(.done), ["outputs": [:]]),
                await ask(Self.job(.failed), Self.history),
                await ask(Self.job(.cancelled)),
            ] {
                #expect(answer.status == .notFound)
                #expect(answer.json?["status_code"] == 404)
                #expect(answer.json?["error"]?.stringValue?.isEmpty == false)
            }
            rig.backend.script { $0.failure = HTTPClientError(.connect, mayHaveBeenProcessed: false, "") }
            #expect(await rig.host.send(.get, "/api/image/\(Self.id)").status == .badGateway)
        }
    }
}
