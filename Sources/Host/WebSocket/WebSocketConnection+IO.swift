import CLinux
import CWslay
import Glibc
import PluginAPI
import Synchronization

/// Bytes in and out, and time; all on the loop's thread.
extension WebSocketConnection {
    /// The most that is gathered before a write.
    private static let gathered = 16 << 10
    private static let scratchSize = 64 << 10

    /// The descriptor is ready.
    func ready(_ events: UInt32) {
        let isGone = events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        if events & EPOLLIN.rawValue != 0 || (isGone && self.events & EPOLLIN.rawValue != 0) {
            if state == .failing { discardInput() } else { readInput() }
        } else if isGone {
            isBroken = true
        }
        if events & EPOLLOUT.rawValue != 0 { isBlocked = false }
        settle()
    }

    private func readInput() {
        withUnsafeTemporaryAllocation(byteCount: Self.scratchSize, alignment: 16) { scratch in
            for _ in 0..<4 where !isFull && pendingInput.isEmpty && state != .ended {
                switch transport.read(into: scratch) {
                case .wouldBlock: return
                case .closed:
                    isBroken = true
                    return
                case .bytes(let count):
                    lastHeard = MonotonicClock.now
                    feed(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
                    if count < scratch.count { return }
                }
            }
        }
    }

    private func discardInput() {
        withUnsafeTemporaryAllocation(byteCount: Self.scratchSize, alignment: 16) { scratch in
            if transport.read(into: scratch) == .closed { isBroken = true }
        }
    }

    /// Gives bytes to wslay, as far as the queue of messages has room, and keeps the rest.
    private func feed(_ bytes: UnsafeRawBufferPointer) {
        guard let frames else { return }
        input = bytes
        // Our callback never fails, so it is a frame that cannot be.
        if wslay_event_recv(frames) != 0 { isViolated = true }
        if !input.isEmpty, wslay_event_get_read_enabled(frames) != 0 { pendingInput = Array(input) }
        input = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    func feedPending() {
        let bytes = pendingInput
        pendingInput = []
        if !bytes.isEmpty { bytes.withUnsafeBytes(feed) }
    }

    /// Called by wslay for input.
    func give(to buffer: UnsafeMutableRawBufferPointer) -> Int? {
        guard !input.isEmpty, !isFull else { return nil }
        let count = min(buffer.count, input.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        input = UnsafeRawBufferPointer(rebasing: input[count...])
        return count
    }

    /// Called by wslay with output; gathers small frames, so that a message and its header leave in one write.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int? {
        if output.isEmpty, bytes.count >= Self.gathered / 2 {
            switch transport.write(bytes) {
            case .bytes(let count): return count
            case .wouldBlock: isBlocked = true
            case .closed: isBroken = true
            }
            return nil
        }
        let room = Self.gathered - output.count
        guard room > 0 else { return nil }
        let count = min(room, bytes.count)
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        return count
    }

    private func flush() {
        guard let frames else { return }
        // wslay stops after a write that took a part; a peer that takes ever more must leave others their turn.
        for _ in 0..<16 where !isBlocked && !isBroken {
            if wslay_event_want_write(frames) != 0, wslay_event_send(frames) != 0 { isBroken = true }
            writeOutput()
            if output.isEmpty, wslay_event_want_write(frames) == 0 { return }
        }
        isBlocked = true
    }

    private func writeOutput() {
        while outputOffset < output.count {
            let result = output.withUnsafeBytes {
                transport.write(UnsafeRawBufferPointer(rebasing: $0[outputOffset...]))
            }
            switch result {
            case .bytes(let count): outputOffset += count
            case .wouldBlock:
                isBlocked = true
                return
            case .closed:
                isBroken = true
                return
            }
        }
        output = []
        outputOffset = 0
    }

    /// Sends what can be sent, notices the end, tells the waiting, and says to the loop what to watch.
    func settle() {
        guard let frames, state != .ended else { return }
        if isViolated, !hasSentRawClose { return closeAfterViolation(frames) }
        if let close = pendingClose, wslay_event_get_queued_msg_count(frames) == 0 {
            pendingClose = nil
            wslay_event_queue_close(frames, close.code, close.reason, close.reason.count)
        }
        flush()
        if pendingClose != nil, !isBlocked, !isBroken, wslay_event_get_queued_msg_count(frames) == 0 { return settle() }
        buffered.store(
            wslay_event_get_queued_msg_length(frames) + output.count - outputOffset, ordering: .relaxed)
        noticeClose(frames)
        if state == .ended { return }
        if isBroken {
            finish(.failure(.broken))
            return
        }
        if wslay_event_get_queued_msg_count(frames) > 4096 { fail(.overflow, code: 1013) }
        if bufferedBytes <= Self.sendMark, !senders.isEmpty {
            let waiting = senders
            senders = []
            for sender in waiting { sender.finish(.success(())) }
        }
        updateEvents()
    }

    /// wslay has queued a close frame without a code; ours says 1002, if no message is half sent.
    private func closeAfterViolation(_ frames: OpaquePointer) {
        hasSentRawClose = true
        if wslay_event_get_queued_msg_count(frames) <= 1 {
            wslay_event_shutdown_write(frames)
            output += WebSocketFrames.protocolErrorClose(role)
        }
        fail(.violation(code: 1002), code: nil)
    }

    private func noticeClose(_ frames: OpaquePointer) {
        let isSent = wslay_event_get_close_sent(frames) != 0 && output.isEmpty
        if wslay_event_get_close_received(frames) != 0 {
            receiveEnd = receiveEnd ?? .success(())
            if state == .open {
                state = .closing
                startCloseTimer()
            }
            pendingClose = nil
            if isSent || isBroken {
                finish(.success(()))
            } else {
                tellReceiversOfEnd()
            }
        } else if wslay_event_get_read_enabled(frames) == 0, state == .open || state == .closing, !isBroken {
            // wslay has met an error and queued its close frame.
            fail(.violation(code: isSent ? wslay_event_get_status_code_sent(frames) : 1002), code: nil)
        }
    }

    private func updateEvents() {
        guard state != .ended else { return }
        let isReading = state == .failing || (!isFull && pendingInput.isEmpty)
        let wanted = (isReading ? EPOLLIN.rawValue : 0) | (isBlocked ? EPOLLOUT.rawValue : 0)
        guard wanted != events else { return }
        events = wanted
        loop.setEvents(wanted, of: transport.descriptor)
    }
}

// MARK: - Time

extension WebSocketConnection {
    func schedulePing() {
        pingTimer = loop.schedule(after: pingInterval) { [weak self] in self?.ping() }
    }

    private func ping() {
        guard let frames, state == .open else { return }
        if isFull { lastHeard = MonotonicClock.now }
        if lastHeard.advanced(by: pingInterval * 2) <= MonotonicClock.now {
            finish(.failure(.silent))
            return
        }
        WebSocketFrames.queuePing(frames)
        schedulePing()
        settle()
    }

    func startCloseTimer() {
        guard closeTimer == nil else { return }
        closeTimer = loop.schedule(after: closeTimeout) { [weak self] in self?.finish(.failure(.broken)) }
    }
}
