import CCurl
import CLinux
import Glibc
import PluginAPI

/// One libcurl multi handle driven by one loop: its sockets, its timer and the operations under way.
// The unchecked conformance holds because everything but ``run(_:)`` and ``later(_:)`` is used on the loop's thread alone.
final class CurlEngine: LoopParticipant, @unchecked Sendable {
    /// What the connections of an engine are for.
    enum Purpose {
        /// Requests that share a pool of connections.
        case requests
        /// WebSockets, one connection each. libcurl finds such a connection by a walk over all of its multi handle's
        /// and counts it against the limits, hence a handle apart from the pool's.
        case webSockets
    }

    let loop: EventLoop
    let settings: HTTPClientSettings
    let purpose: Purpose
    let shares: Int
    let own: OwnListeners
    private(set) var isClosed = false
    var sockets: [Int32: CurlSocket] = [:]

    private var multi: UnsafeMutableRawPointer?
    private var operations = OperationHeap()
    private var touched: [CurlOperation] = []
    private var idleHandles: [UnsafeMutableRawPointer] = []
    /// When libcurl wants to be called without an event.
    private var wakeup: Instant?
    private var mustKick = false
    private var mustLook = false

    /// Makes an engine for one of `shares` loops.
    init(loop: EventLoop, settings: HTTPClientSettings, purpose: Purpose, shares: Int, own: OwnListeners) {
        self.loop = loop
        self.settings = settings
        self.purpose = purpose
        self.shares = shares
        self.own = own
    }

    /// Runs a body on the loop, at once if this is its thread.
    func run(_ body: @escaping @Sendable () -> Void) {
        if loop.isCurrent { body() } else { loop.execute(body) }
    }

    /// Runs a body on the loop soon, never within the caller.
    func later(_ body: @escaping @Sendable () -> Void) {
        loop.execute(body)
    }

    /// Operations under way.
    var operationCount: Int { operations.count }
}

// MARK: - Operations

extension CurlEngine {
    /// A handle without options, or `nil` when the engine is closed or memory is short.
    func takeHandle() -> UnsafeMutableRawPointer? {
        guard !isClosed, openMulti() != nil else { return nil }
        return idleHandles.popLast() ?? curl_easy_init()
    }

    /// Hands a prepared operation to libcurl; it ends with ``detach(_:)``.
    func attach(_ operation: CurlOperation, deadline: Instant) -> Bool {
        guard let multi, let easy = operation.easy else { return false }
        comfyd_easy_set_pointer(easy, CURLOPT_PRIVATE, Unmanaged.passUnretained(operation).toOpaque())
        guard curl_multi_add_handle(multi, easy) == CURLM_OK else { return false }
        operations.set(deadline, of: operation)
        return true
    }

    /// Takes an operation back from libcurl; one that is not done loses its connection.
    func detach(_ operation: CurlOperation) {
        operations.remove(operation)
        guard let easy = operation.easy else { return }
        operation.easy = nil
        if let multi { curl_multi_remove_handle(multi, easy) }
        guard !isClosed, idleHandles.count < 128 else {
            curl_easy_cleanup(easy)
            return
        }
        curl_easy_reset(easy)
        idleHandles.append(easy)
    }

    func setDeadline(_ deadline: Instant, of operation: CurlOperation) {
        operations.set(deadline, of: operation)
    }

    func addTouched(_ operation: CurlOperation) {
        touched.append(operation)
    }

    /// Ends all operations and closes all connections.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        while let operation = operations.first {
            operation.engineClosed()
            detach(operation)
        }
        settleTouched()
        for easy in idleHandles { curl_easy_cleanup(easy) }
        idleHandles = []
        if let multi {
            curl_multi_cleanup(multi)
            loop.remove(self)
        }
        multi = nil
    }

    private func openMulti() -> UnsafeMutableRawPointer? {
        if let multi { return multi }
        CurlLibrary.start()
        guard let multi = curl_multi_init() else { return nil }
        let context = Unmanaged.passUnretained(self).toOpaque()
        comfyd_multi_set_callbacks(multi, curlSocketChanged, curlTimerChanged, context)
        comfyd_multi_set_long(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING)
        if purpose == .requests {
            comfyd_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, share(of: settings.maxConnectionsPerHost))
            comfyd_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, ownShare(of: settings.maxConnections))
            comfyd_multi_set_long(multi, CURLMOPT_MAXCONNECTS, ownShare(of: settings.maxKeptConnections))
        }
        self.multi = multi
        loop.add(self)
        return multi
    }

    private func share(of limit: Int) -> Int {
        max(1, limit / shares)
    }

    private func ownShare(of limit: Int) -> Int {
        max(share(of: limit), min(limit, settings.leastConnectionsPerLoop))
    }
}

// MARK: - Driving libcurl

extension CurlEngine {
    /// What libcurl asks through its timer callback.
    func setTimer(milliseconds: Int) {
        mustKick = milliseconds == 0
        wakeup = milliseconds > 0 ? MonotonicClock.now.advanced(by: .milliseconds(milliseconds)) : nil
    }

    /// Tells libcurl of the events of a descriptor; what came of it is looked at in the turn that follows.
    func socketReady(_ descriptor: Int32, _ events: UInt32) {
        guard let multi else { return }
        var mask: Int32 = 0
        if events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
        if events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
        var running: Int32 = 0
        curl_multi_socket_action(multi, descriptor, mask, &running)
        mustLook = true
    }

    func takeTurn() {
        guard let multi else { return }
        if wakeup != nil || operations.first != nil {
            let now = MonotonicClock.now
            if let wakeup, wakeup <= now { mustKick = true }
            while let operation = operations.first, operation.deadline <= now { operation.deadlinePassed(now) }
        }
        // A kick may ask for the next one; sockets of others get their chance after a few.
        for _ in 0..<8 where mustKick {
            mustKick = false
            wakeup = nil
            var running: Int32 = 0
            curl_multi_socket_action(multi, curlTimeoutSocket, 0, &running)
            mustLook = true
        }
        if mustLook { collectEnded(multi) }
        settleTouched()
    }

    var waitLimit: Int? {
        if mustKick { return 0 }
        var next = operations.first?.deadline ?? Instant(nanoseconds: .max)
        if let wakeup, wakeup < next { next = wakeup }
        guard next.nanoseconds < .max else { return nil }
        let left = MonotonicClock.now.duration(to: next).inNanoseconds
        return left <= 0 ? 0 : Int(left / 1_000_000) + 1
    }

    private func collectEnded(_ multi: UnsafeMutableRawPointer) {
        mustLook = false
        var code = CURLE_OK
        while let easy = comfyd_multi_next_done(multi, &code) {
            guard let context = comfyd_easy_private(easy) else { continue }
            // Attached operations are held by the heap, and an operation clears `easy` only through detach.
            Unmanaged<CurlOperation>.fromOpaque(context).takeUnretainedValue().ended(code)
        }
    }

    private func settleTouched() {
        while !touched.isEmpty {
            let now = touched
            touched.removeAll(keepingCapacity: true)
            for operation in now {
                operation.takeTouch()
                operation.settle()
            }
        }
    }
}

/// `CURL_SOCKET_TIMEOUT`.
private let curlTimeoutSocket: Int32 = -1

/// libcurl's process-wide state.
enum CurlLibrary {
    private static let started: Bool = {
        curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()

    /// Sets libcurl up once.
    static func start() {
        precondition(started, "libcurl does not start")
    }
}
