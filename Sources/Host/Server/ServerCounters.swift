import Synchronization

/// What the server counts, for metrics and for draining; updated from all loops.
package final class ServerCounters: Sendable {
    /// Accepted connections that are open, upgraded ones included.
    private let connectionCount = Atomic<Int>(0)
    private let webSocketCount = Atomic<Int>(0)
    private let requestCount = Atomic<Int>(0)
    private let inFlightCount = Atomic<Int>(0)
    private let refusalCount = Atomic<Int>(0)

    /// Open connections, WebSockets included.
    package var openConnections: Int { connectionCount.load(ordering: .relaxed) }
    /// Open WebSockets.
    package var openWebSockets: Int { webSocketCount.load(ordering: .relaxed) }
    /// Requests since the start.
    package var requests: Int { requestCount.load(ordering: .relaxed) }
    /// Requests that are being handled or answered.
    package var requestsInFlight: Int { inFlightCount.load(ordering: .relaxed) }
    /// Requests that the server refused by itself.
    package var refusals: Int { refusalCount.load(ordering: .relaxed) }

    func connectionOpened() { connectionCount.add(1, ordering: .relaxed) }
    func connectionClosed() { connectionCount.subtract(1, ordering: .relaxed) }
    func webSocketOpened() { webSocketCount.add(1, ordering: .relaxed) }
    func webSocketClosed() { webSocketCount.subtract(1, ordering: .relaxed) }
    func requestRefused() { refusalCount.add(1, ordering: .relaxed) }
    func requestEnded() { inFlightCount.subtract(1, ordering: .sequentiallyConsistent) }

    func requestStarted() {
        requestCount.add(1, ordering: .relaxed)
        inFlightCount.add(1, ordering: .sequentiallyConsistent)
    }
}
