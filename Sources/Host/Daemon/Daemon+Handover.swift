import Glibc
import PluginAPI
import Synchronization

extension Daemon {
    /// Starts a new process and lets it take over; returns true when this one has nothing left to do.
    func handOver() async -> Bool {
        // By the names they were opened with; the configuration may have changed since.
        let sockets = zip(started.daemon.listen.map(\.text), server.listeningSockets).map { ($0, $1) }
        let process: (pid: Int32, channel: Handover.Channel)
        do {
            process = try Handover.start(sockets: sockets)
        } catch {
            parts.logger.error("no new process could be started", ["error": "\(error)"])
            return false
        }
        successor.withLock { $0 = process.pid }
        defer {
            successor.withLock { $0 = nil }
            process.channel.close()
        }
        parts.logger.notice("handing over", ["pid": "\(process.pid)"])
        guard await process.channel.receive(.ready, on: parts.files) else {
            parts.logger.error("the new process failed to get ready, staying", ["pid": "\(process.pid)"])
            reap(process.pid)
            return false
        }
        health.phase = .stopping
        await drain()
        await manager.stopAll()
        await close()
        process.channel.send(.go)
        if await !process.channel.receive(.listening, on: parts.files) {
            parts.logger.error("the new process died while taking over; start comfyd again", ["pid": "\(process.pid)"])
        }
        return true
    }

    /// Asks the process that is about to take over to end, because the daemon shall end.
    func stopSuccessor() {
        successor.withLock { pid in
            if let pid { _ = kill(pid, SIGTERM) }
        }
    }

    private func reap(_ pid: Int32) {
        parts.files.submit {
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
    }
}

extension Daemon {
    /// The new process's side: checks everything, waits for the old one to let go, and starts.
    ///
    /// - Throws: what keeps this process from taking over; before `ready` the old process stays.
    func takeOver(_ inheritance: Handover.Inheritance) async throws {
        predecessor.withLock { $0 = inheritance.channel }
        defer {
            predecessor.withLock { $0 = nil }
            inheritance.channel.close()
        }
        for (name, socket) in inheritance.sockets where !started.daemon.listen.contains(where: { $0.text == name }) {
            // Nobody accepts there any more, so nobody may connect either.
            Glibc.close(socket)
        }
        _ = try await manager.check(wanted(loaded))
        try await server.bind()
        parts.client.daemonListens(at: server.boundAddresses)
        inheritance.channel.send(.ready)
        guard await inheritance.channel.receive(.go, on: parts.files) else {
            // The old process ended without a word, perhaps killed: its sockets are ours, so serve.
            parts.logger.warning("the old process ended before it handed over")
            return try await start()
        }
        try await start()
        inheritance.channel.send(.listening)
    }
}
