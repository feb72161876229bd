import PluginAPI
import Synchronization

/// Asks the same question in a loop from some threads and counts what came back.
final class LoadGenerator: Sendable {
    private struct Counts {
        var answered = 0
        var failures: [String] = []
        var running = 0
    }

    private let isStopped = Atomic(false)
    private let counts = Mutex(Counts())

    /// Starts threads that ask until ``stop()``.
    ///
    /// A keep-alive connection that the server closed without a byte of an answer is opened again, once per request:
    /// RFC 9112 §9.3.1 asks this of every client. A second failure counts.
    init(threads: Int, port: UInt16, keepAlive: Bool, _ request: HTTPRequest, expecting status: Int = 200) {
        counts.withLock { $0.running = threads }
        for _ in 0..<threads {
            startThread { [self] in
                work(port: port, keepAlive: keepAlive, request, status)
                counts.withLock { $0.running -= 1 }
            }
        }
    }

    /// How many requests were answered as expected.
    var answered: Int { counts.withLock { $0.answered } }

    /// Ends the load; gives what failed.
    func stop() async throws -> [String] {
        isStopped.store(true, ordering: .relaxed)
        try await eventually("the load ends", within: 40) { self.counts.withLock { $0.running == 0 } }
        return counts.withLock { $0.failures }
    }

    /// Waits for some more answers.
    func answers(_ more: Int, within seconds: Double = 20) async throws {
        let goal = answered + more
        try await eventually(
            "\(more) more answers, failures: \(counts.withLock { $0.failures.prefix(3) })", within: seconds
        ) {
            self.answered >= goal
        }
    }

    private func work(port: UInt16, keepAlive: Bool, _ request: HTTPRequest, _ status: Int) {
        var request = request
        request.keepAlive = keepAlive
        var wire: HTTPWire?
        while !isStopped.load(ordering: .relaxed) {
            do {
                let answer = try exchange(&wire, port, request)
                if wire?.isLast ?? true || !keepAlive { wire = nil }
                counts.withLock { counts in
                    if answer.status == status { counts.answered += 1 } else { counts.failures.append("\(answer)") }
                }
            } catch {
                wire = nil
                counts.withLock { $0.failures.append("\(error)") }
            }
        }
    }

    private func exchange(_ wire: inout HTTPWire?, _ port: UInt16, _ request: HTTPRequest) throws(ProbeError)
        -> HTTPAnswer
    {
        if let open = wire {
            do {
                return try open.exchange(request)
            } catch ProbeError.closed {
                wire = nil
            }
        }
        let fresh = try HTTPWire(port: port, timeout: 20 * Places.patience)
        wire = fresh
        return try fresh.exchange(request)
    }
}
