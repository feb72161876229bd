import Glibc
package import PluginAPI
import Synchronization

/// The HTTP/1.1 and WebSocket server: one libmicrohttpd daemon per listener and loop (DESIGN §2).
package final class HTTPServer: Sendable {
    private struct State {
        var sockets: [ListeningSocket] = []
        var daemons: [ServerDaemon] = []
        var isAccepting = false
    }

    private let configuration: HTTPServerConfiguration
    private let group: EventLoopGroup
    private let context: ServerContext
    private let state = Mutex(State())

    /// Makes a server; ``start()`` opens its sockets.
    package init(
        configuration: HTTPServerConfiguration, group: EventLoopGroup, responder: any HTTPResponder, logger: Logger,
        files: BlockingPool
    ) {
        self.configuration = configuration
        self.group = group
        context = ServerContext(limits: configuration.limits, responder: responder, logger: logger, files: files)
    }

    /// Connections, WebSockets and requests, for metrics.
    package var counters: ServerCounters { context.counters }

    /// Open connections, WebSockets included.
    package var openConnections: Int { context.counters.openConnections }

    /// The addresses that are listened on, in the order of the configuration, with the ports that the system chose.
    package var boundAddresses: [(address: String, port: UInt16)] {
        state.withLock { $0.sockets.map { ($0.address, $0.port) } }
    }

    /// The listening sockets, in the order of the configuration, for handing to a new process.
    ///
    /// They are close-on-exec: the parent duplicates each onto a chosen number in the child
    /// (`posix_spawn_file_actions_adddup2`, which clears the flag there), and the child's configuration names that
    /// number as ``HTTPServerConfiguration/Listener/inheritedSocket``.
    package var listeningSockets: [Int32] {
        state.withLock { $0.sockets.map(\.descriptor) }
    }

    /// Binds all addresses and reads the certificates, so that nothing but memory can keep ``start()`` from working.
    ///
    /// Nobody can connect to a new address yet. Bound already, it does nothing.
    ///
    /// - Throws: ``ListenError`` naming the address and the reason; nothing stays open then.
    package func bind() async throws {
        guard state.withLock({ $0.sockets.isEmpty }) else { return }
        signal(SIGPIPE, SIG_IGN)
        var sockets: [ListeningSocket] = []
        do {
            for listener in configuration.listeners { sockets.append(try ListeningSocket(listener)) }
            let daemons = try await makeDaemons(sockets)
            let bound = sockets
            state.withLock { state in
                state.sockets = bound
                state.daemons = daemons
            }
        } catch {
            for socket in sockets { close(socket.descriptor) }
            throw error
        }
    }

    /// Binds all addresses, if that was not done, and starts accepting.
    ///
    /// - Throws: ``ListenError`` naming the address and the reason.
    package func start() async throws {
        try await bind()
        let (sockets, daemons) = state.withLock { ($0.sockets, $0.daemons) }
        for socket in sockets { try socket.listen() }
        state.withLock { $0.isAccepting = true }
        attach(daemons)
    }

    private func makeDaemons(_ sockets: [ListeningSocket]) async throws -> [ServerDaemon] {
        var daemons: [ServerDaemon] = []
        do {
            for (listener, socket) in zip(configuration.listeners, sockets) {
                let certificate = try TLSCertificate(listener)
                for loop in group.loops {
                    daemons.append(
                        try ServerDaemon(socket: socket, certificate: certificate, loop: loop, context: context))
                }
            }
        } catch {
            for daemon in daemons { await run(on: daemon.loop) { daemon.stop() } }
            throw error
        }
        return daemons
    }

    private func attach(_ daemons: [ServerDaemon]) {
        for daemon in daemons { daemon.loop.execute { daemon.attach() } }
    }

    /// Loads certificates and keys again, for new connections; those that are open keep theirs.
    ///
    /// - Throws: ``ListenError``; the old certificates stay in use then.
    package func reloadCertificates() async throws {
        let (sockets, old, isAccepting) = state.withLock { ($0.sockets, $0.daemons, $0.isAccepting) }
        guard isAccepting else { return }
        let new = try await makeDaemons(sockets)
        state.withLock { $0.daemons += new }
        attach(new)
        for daemon in old { await run(on: daemon.loop) { daemon.stopAccepting() } }
        retire(old)
    }

    /// Ends daemons as soon as their last connection is gone.
    private func retire(_ daemons: [ServerDaemon]) {
        for daemon in daemons { daemon.loop.execute { self.checkRetired(daemon) } }
    }

    private func checkRetired(_ daemon: ServerDaemon) {
        guard daemon.isUnused else {
            daemon.loop.schedule(after: .seconds(1)) { self.checkRetired(daemon) }
            return
        }
        daemon.stop()
        state.withLock { $0.daemons.removeAll { $0 === daemon } }
    }

    /// Stops accepting connections; the listening sockets stay open, so that another process can go on with them.
    package func stopAccepting() async {
        let daemons = state.withLock { state in
            state.isAccepting = false
            return state.daemons
        }
        for daemon in daemons { await run(on: daemon.loop) { daemon.stopAccepting() } }
    }

    /// Ends the service: accepts no more, lets requests in flight finish, each answer with `Connection: close`, closes
    /// WebSockets with 1001 and idle connections, and after the timeout whatever is left.
    package func drain(timeout: Duration) async {
        let clock = MonotonicClock(loops: group)
        let deadline = clock.now.advanced(by: timeout)
        context.isDraining.store(true, ordering: .relaxed)
        await stopAccepting()
        let daemons = state.withLock { $0.daemons }
        // A busy client has its next request answered with `Connection: close`; one that is silent is closed.
        let patience = min(.milliseconds(250), timeout / 4)
        while openConnections > 0 || context.counters.requestsInFlight > 0, clock.now < deadline {
            for daemon in daemons {
                await run(on: daemon.loop) {
                    // Requests in flight may still open some.
                    daemon.closeWebSockets(code: 1001, reason: "going away")
                    daemon.closeIdle(for: patience)
                }
            }
            try? await clock.sleep(for: .milliseconds(20))
        }
        for daemon in daemons { await run(on: daemon.loop) { daemon.stop() } }
        let sockets = state.withLock { state in
            defer {
                state.sockets = []
                state.daemons = []
            }
            return state.sockets
        }
        for socket in sockets { close(socket.descriptor) }
    }

    private func run(on loop: EventLoop, _ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            loop.execute {
                body()
                continuation.resume()
            }
        }
    }
}
