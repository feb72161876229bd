// Times the gateway's own decisions: `swift run -c release` in this folder. One line each: what, size, microseconds.
import PluginAPI

/// The median of some rounds, in microseconds for one step.
func median(rounds: Int = 31, steps: Int, _ round: () -> Void, between: () -> Void = {}) -> Double {
    let clock = ContinuousClock()
    let times = (0..<rounds).map { _ in
        let time = clock.measure(round).components
        between()
        return (Double(time.seconds) * 1e6 + Double(time.attoseconds) / 1e12) / Double(steps)
    }
    return times.sorted()[rounds / 2]
}

func report(_ name: String, _ size: Int, _ microseconds: Double) {
    print(name, size, Double(Int(microseconds * 1000 + 0.5)) / 1000)
}

/// Chooses for as many jobs as there are places, then gives the places back.
func choose(among count: Int) {
    let pool = WorkerPool(WorkerRules())
    for index in 0..<count {
        let id = "worker-\(index)"
        pool.put(
            Worker(id: id, url: "http://10.0.\(index / 250).\(index % 250):8188", name: id, weight: 1, enabled: true))
        pool.finishReading(id, running: 0, pending: 0, foreign: 0, now: Instant(nanoseconds: 0))
    }
    var chosen: [String] = []
    let time = median(steps: count) {
        chosen.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            guard let choice = pool.reserve() else { fatalError("no room, although every worker is idle") }
            chosen.append(choice.worker.id)
        }
    } between: {
        for id in chosen { pool.unreserve(id) }
    }
    precondition(Set(chosen).count == count, "idle workers must be chosen in turn")
    report("choose", count, time)
}

/// A job of one of several hundred callers and five priorities.
func entry(_ number: Int) -> WaitingEntry {
    WaitingEntry(
        promptID: "job-\(number)", caller: "client:\(number * 7919 % 500)", priority: number % 5, place: Double(number),
        sequence: Int64(number))
}

/// Adds jobs to a queue of this length, asks for their positions and takes as many.
func queue(of count: Int) {
    let waiting = WaitingJobs()
    for number in 0..<count { waiting.add(entry(number)) }
    let steps = 500
    var next = count
    var (positions, takes): ([Double], [Double]) = ([], [])
    let fresh = (0..<31).map { round in (0..<steps).map { entry(count + round * steps + $0) } }
    var rounds = fresh.makeIterator()
    let add = median(steps: steps) {
        for entry in rounds.next() ?? [] { waiting.add(entry) }
    } between: {
        positions.append(
            median(rounds: 1, steps: 50) {
                for number in stride(from: next, to: next + steps, by: 10) {
                    precondition(waiting.position(of: "job-\(number)") != nil, "a waiting job has a position")
                }
            })
        next += steps
        takes.append(
            median(rounds: 1, steps: steps) {
                for _ in 0..<steps { precondition(waiting.take() != nil, "jobs wait") }
            })
        // Those that were taken first are gone; the length stays, and the new ones may be among the taken.
        for number in next..<next + steps where waiting.count < count { waiting.add(entry(number + 10_000_000)) }
    }
    report("add", count, add)
    report("take", count, takes.sorted()[takes.count / 2])
    report("position", count, positions.sorted()[positions.count / 2])
}

for count in [4, 100, 1000] { choose(among: count) }
for count in [1000, 100_000] { queue(of: count) }
