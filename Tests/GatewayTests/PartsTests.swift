import ComfyUI
import PluginAPI
import Testing

@testable import Gateway

@Suite("Parts of the gateway")
struct PartsTests {
    @Test("the shortest queue wins, then the larger weight, then the one not chosen for longest")
    func balancer() {
        func choose(_ candidates: [(Int, Int, UInt64)?], maximumInFlight: Int = 9) -> Int? {
            let slots = candidates.map { candidate in
                candidate.map {
                    Balancer.Slot(ours: $0.0, weight: $0.1, lastChosen: $0.2, usability: .healthy)
                } ?? Balancer.Slot(usability: .disabled)
            }
            return Balancer.choose(slots, excluding: [], maximumInFlight: maximumInFlight)
        }
        #expect(choose([(2, 9, 0), (1, 1, 5), nil]) == 1)
        #expect(choose([(1, 1, 0), (1, 2, 9)]) == 1)
        #expect(choose([(1, 1, 4), (1, 1, 3), (1, 1, 3)]) == 1)
        #expect(choose([nil, nil]) == nil)
        #expect(choose([(2, 1, 0), (2, 1, 0)], maximumInFlight: 2) == nil)
    }

    @Test("a body is taken as it came, with nothing but the ids and the order of its keys changed")
    func scan() throws {
        let graph = #"""
            { "1": {"class_type":"A","inputs":{"seed":18446744073709551615,"x":8.0,"t":"\u00e4"}}, "2":{"inputs":{},\#
            "class_type":"B"} }
            """#
        let text = """
            {"client_id":"c", "extra_data": {"client_id":null}, "prompt" : \(graph) ,"number":1e1, "prompt_id":"p", "z":[ ]}
            """
        let submission = try #require(SubmissionScan(Array(text.utf8))).submission
        #expect(submission.promptID == "p" && submission.isCallersID && submission.clientID == "c")
        #expect(submission.nodeCount == 2)
        #expect(
            String(decoding: submission.body, as: UTF8.self)
                == #"{"prompt":\#(graph),"extra_data":{"client_id":null},"number":1e1,"z":[ ]}"#)
        let bare = try #require(SubmissionScan(Array(#"{"prompt":{}}"#.utf8))).submission
        #expect(bare.body == Array(#"{"prompt":{}}"#.utf8) && !bare.isCallersID && bare.clientID != nil)
    }

    @Test(
        "what is wrong or unusual about a body is left to the careful reading",
        arguments: [
            "", "[]", "{}", #"{"prompt":[]}"#, #"{"prompt":{"1":[]}}"#, #"{"prompt":{"1":{"inputs":{}}}}"#,
            #"{"prompt":{"1":{"class_type":1,"inputs":{}}}}"#, #"{"prompt":{"1":{"class_type":"A","inputs":[]}}}"#,
            #"{"prompt":{"1":{"class_type":"A","inputs":{},"inputs":{}}}}"#, #"{"prompt":{},"prompt":{}}"#,
            #"{"prompt":{},"priority":1.5}"#,
            #"{"prompt":{},"priority":"1"}"#, #"{"prompt":{},"client_id":1}"#,
            #"{"prompt":{},"prompt_id":""}"#,
            #"{"prompt":{},"extra_data":null}"#, #"{"prompt":{},"extra_data":{"client_id":1}}"#,
            #"{"prompt":{},"number":"x"}"#, #"{"prompt":{},"partial_execution_targets":[1]}"#, #"{"prompt":{}}x"#,
            #"{"prompt":{"1":{"class_type":"A","inputs":{"x":NaN}}}}"#, #"{"prompt":{},"z":01}"#,
        ])
    func scanRefuses(text: String) {
        #expect(SubmissionScan(Array(text.utf8)) == nil)
    }

    @Test("a worker has room for so many jobs, other people's prompts included, and always for one of ours")
    func load() {
        let pool = WorkerPool(WorkerRules(maximumInFlight: 2))
        pool.put(Worker(id: "w", url: "http://a", name: "a", weight: 1, enabled: true))
        #expect(pool.reserve()?.worker.id == "w")
        pool.count(1, on: "w")
        pool.unreserve("w")
        pool.finishReading("w", running: 1, pending: 4, foreign: 1, now: Instant(nanoseconds: 0))
        #expect(pool["w"]?.load.total == 2)
        #expect(pool.reserve() == nil)
        pool.count(-1, on: "w")
        pool.finishReading("w", running: 1, pending: 4, foreign: 5, now: Instant(nanoseconds: 0))
        #expect(pool.reserve() != nil)
        #expect(pool.reserve() == nil)
        pool.unreserve("w")
        #expect(pool["w"]?.load.total == 5)
    }

    @Test("a choice tells of the candidates, the best first, and of what was better about the chosen one")
    func explanation() {
        let pool = WorkerPool(WorkerRules(maximumInFlight: 2))
        for index in 0..<40 {
            pool.put(Worker(id: "w\(index)", url: "\(index)", name: "n\(index)", weight: 1, enabled: index != 3))
            pool.finishReading(
                "w\(index)", running: 0, pending: 0, foreign: index == 7 ? 0 : 1, now: Instant(nanoseconds: 0))
        }
        let choice = pool.reserve()
        #expect(choice?.worker.id == "w7")
        let candidates = choice?.cause.details?["candidates"]?.arrayValue ?? []
        #expect(candidates.count == WorkerChoice.limit)
        #expect(candidates.first?["verdict"] == "chosen")
        #expect(candidates.dropFirst().allSatisfy { $0["verdict"] == "longer queue" })
        #expect(choice?.cause.details?["considered"] == 40)
    }

    @Test("unhealthy, disabled, removed and already tried workers are not chosen")
    func usable() {
        let pool = WorkerPool(WorkerRules(maximumInFlight: 2))
        for id in ["a", "b", "c", "d"] {
            var worker = Worker(id: id, url: id, name: id, weight: 1, enabled: id != "b")
            worker.isRemoved = id == "c"
            pool.put(worker)
        }
        pool.fail("a", HTTPClientError(.connect, mayHaveBeenProcessed: false, "down"), now: Instant(nanoseconds: 0))
        #expect(pool.reserve()?.worker.id == "d")
        #expect(pool.reserve(excluding: ["d"]) == nil)
    }

    @Test("nothing leaves a final state, and a running job does not go back to a worker's queue")
    func states() {
        for from in JobState.allCases where from.isFinal {
            for next in JobState.allCases { #expect(!JobStateMachine.allows(from, to: next)) }
        }
        #expect(!JobStateMachine.allows(.running, to: .submitted))
        #expect(JobStateMachine.allows(.dispatching, to: .done))
        #expect(JobStateMachine.allows(.running, to: .queued))
    }

    @Test(
        "worker URLs come to one spelling",
        arguments: [
            ("HTTP://Host:80/", "http://host"), ("https://h:443/p/", "https://h/p"), ("http://h:8188", "http://h:8188"),
            ("http://[::1]:8188/", "http://[::1]:8188"), ("http://h/A", "http://h/A"),
        ])
    func urls(given: String, expected: String) {
        #expect(ServerURL(given)?.text == expected)
    }

    @Test(
        "what is no base URL is refused",
        arguments: [
            "", "h:1", "http://", "http:///x", "ftp://h", "http://h:0", "http://h:99999", "http://h:x", "http://u@h",
            "http://h?x", "http://h#x", "http://h /", "http://[::1", "http://h\n", "http://u:p@h", "http://:p@h",
            "http://@h",
            "http://u:p%40h", "http://u%3Ap%40h", "http://u\u{FF20}h", "http://h/u:p@x", "http://[u:p@h]",
            "http://[p%25]",
            "http:u:p@h", "//u:p@h", "http:/\\u:p@h",
        ])
    func badURLs(given: String) {
        #expect(ServerURL(given) == nil)
    }

    @Test("the ids go before the stored body, which is not touched")
    func body() throws {
        let stored = Array(#"{"prompt":{"1":8.0},"front":true}"#.utf8)
        let body = Submission.body(stored, promptID: "a\"b", clientID: "c")
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"client_id":"c","prompt_id":"a\"b","prompt":{"1":8.0},"front":true}"#)
    }

    @Test("the cache keeps what is used and stays below its limit")
    func cache() {
        let cache = ResultCache(limit: 40_000)
        func answer(_ id: String) -> FinishedAnswer {
            let job = Job(
                promptID: id, caller: "", state: .done, nodeCount: 1, fingerprint: "",
                createdAt: Timestamp(milliseconds: 0))
            return FinishedAnswer(job: job, base: "", status: [UInt8](repeating: 0, count: 3000), history: [])
        }
        cache.keep(answer("a"), epoch: cache.epoch)
        for index in 0..<50 {
            cache.keep(answer("\(index)"), epoch: cache.epoch)
            #expect(cache["a"] != nil)
        }
        #expect(cache["0"] == nil)
        let before = cache.epoch
        cache.removeAll()
        cache.keep(answer("late"), epoch: before)
        #expect(cache["a"] == nil)
        #expect(cache["late"] == nil)
    }

    @Test("a wake that comes before the wait is not lost")
    func wakeup() async {
        let wakeup = Wakeup()
        wakeup.set()
        wakeup.set()
        await wakeup.wait()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await wakeup.wait() }
            group.cancelAll()
        }
    }
}
