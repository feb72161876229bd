import PluginAPI
import Testing

@testable import Gateway

@Suite("What is thought of a worker, as time goes by")
struct CircuitBreakerTests {
    private let limits = CircuitBreaker.Limits(failures: 3, pause: .seconds(10))

    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    /// A breaker that opened at second 3.
    private var opened: CircuitBreaker {
        var breaker = CircuitBreaker()
        for second in 1...3 { breaker.failed(now: at(Int64(second)), limits) }
        return breaker
    }

    @Test("it opens after failures in a row, and a job that ends there begins the row anew")
    func opens() {
        var breaker = CircuitBreaker()
        breaker.failed(now: at(1), limits)
        breaker.failed(now: at(2), limits)
        breaker.ended(takenAt: at(0))
        breaker.failed(now: at(3), limits)
        breaker.failed(now: at(4), limits)
        #expect(breaker.state == .closed)
        breaker.failed(now: at(5), limits)
        #expect(breaker.state == .open)
        #expect(breaker.pause == .seconds(10))
    }

    @Test("answers alone do not close it: half open after the pause, closed when a job taken since has ended")
    func closes() {
        var breaker = opened
        breaker.answered(now: at(12))
        #expect(breaker.state == .open)
        breaker.answered(now: at(13))
        #expect(breaker.state == .halfOpen)
        breaker.answered(now: at(100))
        #expect(breaker.state == .halfOpen)
        // Jobs that it had before prove nothing.
        breaker.ended(takenAt: at(2))
        breaker.ended(takenAt: nil)
        #expect(breaker.state == .halfOpen)
        breaker.ended(takenAt: at(14))
        #expect(breaker == CircuitBreaker())
    }

    @Test("each failed probe doubles the pause, up to the longest")
    func doubles() {
        var breaker = opened
        var now: Int64 = 3
        for pause in [20, 40, 80, 160, 300, 300] {
            now += 400
            breaker.answered(now: at(now))
            #expect(breaker.state == .halfOpen)
            breaker.failed(now: at(now), limits)
            #expect(breaker.state == .open)
            #expect(breaker.pause == .seconds(pause))
        }
        // Late failures while it is open count for nothing.
        breaker.failed(now: at(now), limits)
        #expect(breaker.pause == .seconds(300))
    }

    @Test("jobs lost by one misfortune count once, jobs taken later anew")
    func losses() {
        var breaker = CircuitBreaker()
        for _ in 0..<9 { breaker.lost(takenAt: at(1), now: at(5), limits) }
        breaker.lost(takenAt: nil, now: at(6), limits)
        #expect(breaker.failures == 1)
        breaker.lost(takenAt: at(7), now: at(8), limits)
        breaker.lost(takenAt: at(9), now: at(10), limits)
        #expect(breaker.state == .open)
        breaker.answered(now: at(30))
        // Taken before it opened, found to be lost only now.
        breaker.lost(takenAt: at(10), now: at(31), limits)
        #expect(breaker.state == .halfOpen)
        breaker.lost(takenAt: at(32), now: at(33), limits)
        #expect(breaker.state == .open)
    }

    @Test("a queue stands still when its head stays and nothing is heard of it, for as long as jobs of ours are there")
    func stall() {
        var watch = StallWatch()
        func look(_ head: String?, _ second: Int64, ours: Bool = true) {
            watch.looked(head: head, hasOurs: ours, now: at(second), limit: .seconds(60))
        }
        look("a", 0)
        look("a", 59)
        #expect(!watch.isStalled)
        watch.heard(now: at(59))
        look("a", 60)
        #expect(!watch.isStalled)
        look("b", 110)
        look("b", 169, ours: false)
        look("b", 228)
        #expect(!watch.isStalled)
        look("b", 229)
        #expect(watch.isStalled)
        look("b", 230, ours: false)
        #expect(watch.isStalled)
        look("c", 231)
        #expect(!watch.isStalled)
        look("c", 291)
        #expect(watch.isStalled)
        watch.heard(now: at(291))
        #expect(!watch.isStalled)
        look("c", 351)
        #expect(watch.isStalled)
        look(nil, 352)
        #expect(!watch.isStalled)
        look(nil, 1000)
        #expect(!watch.isStalled)
        watch.looked(head: "d", hasOurs: true, now: at(1001), limit: .zero)
        watch.looked(head: "d", hasOurs: true, now: at(9999), limit: .zero)
        #expect(!watch.isStalled)
    }

    private func pool(_ ids: [String]) -> WorkerPool {
        let pool = WorkerPool(WorkerRules(maximumInFlight: 3, breaker: limits))
        for id in ids {
            pool.put(Worker(id: id, url: id, name: id, weight: 1, enabled: true))
            pool.finishReading(id, running: 0, pending: 0, foreign: 0, now: at(0))
        }
        return pool
    }

    @Test("a worker whose breaker is open gets nothing, half open one job, and it is no last choice")
    func oneJob() {
        let pool = pool(["a", "b"])
        for _ in 0..<3 { pool.failHandOver("a", HTTPClientError(.timeout, mayHaveBeenProcessed: true, ""), now: at(1)) }
        pool.finishReading("a", running: 0, pending: 0, foreign: 0, now: at(2))
        #expect(pool["a"]?.health == .healthy)
        let first = pool.reserve()
        #expect(first?.worker.id == "b")
        let verdicts = first?.cause.details?["candidates"]?.arrayValue?.compactMap { $0["verdict"]?.stringValue }
        #expect(verdicts == ["chosen", "circuit breaker open"])
        pool.finishReading("a", running: 0, pending: 0, foreign: 0, now: at(11))
        #expect(pool["a"]?.breaker.state == .halfOpen)
        #expect(pool.reserve()?.worker.id == "a")
        #expect(pool.reserve()?.worker.id == "b")
        #expect(pool.reserve()?.worker.id == "b")
        #expect(pool.reserve() == nil)
        #expect(pool.isUsable)
        pool.end("a", takenAt: at(12))
        #expect(pool.reserve()?.worker.id == "a")
    }

    @Test("with the only worker on probation, prompts wait instead of being refused; with an open breaker they are")
    func onlyWorker() {
        let pool = pool(["a"])
        for _ in 0..<3 { pool.breakDown("a", now: at(1)) }
        #expect(!pool.isUsable)
        pool.finishReading("a", running: 0, pending: 0, foreign: 0, now: at(11))
        #expect(pool.reserve() != nil)
        #expect(pool.reserve() == nil)
        #expect(pool.isUsable)
    }

    @Test("a new address, new credentials and switching it on again close the breaker")
    func changed() {
        let changes: [(inout Worker) -> Void] = [
            { $0.url = "x" }, { ($0.authUsername, $0.authPassword) = ("u", Secret("p")) }, { $0.enabled = false },
        ]
        for change in changes {
            let pool = pool(["a"])
            for _ in 0..<3 { pool.breakDown("a", now: at(1)) }
            guard var worker = pool["a"]?.worker else { continue }
            worker.givenName = "new"
            pool.put(worker)
            #expect(pool["a"]?.breaker.state == .open)
            change(&worker)
            pool.put(worker)
            #expect(pool["a"]?.breaker.state == .closed)
        }
    }

    @Test("of a thousand workers, half of them broken, a healthy one with the least work is chosen")
    func thousand() {
        let pool = pool((0..<1000).map { "w\($0)" })
        for number in 0..<500 { for _ in 0..<3 { pool.breakDown("w\(number * 2)", now: at(1)) } }
        let slots = (0..<1000).map { number in
            Balancer.Slot(ours: number % 3, usability: number % 2 == 0 ? .broken : .healthy)
        }
        for _ in 0..<100 {
            let chosen = Balancer.choose(slots, excluding: [], maximumInFlight: 4) ?? 0
            #expect(chosen % 2 == 1 && chosen % 3 == 0, "\(chosen)")
        }
        #expect(pool.reserve().map { Int($0.worker.id.dropFirst()).map { $0 % 2 } } == 1)
    }
}
