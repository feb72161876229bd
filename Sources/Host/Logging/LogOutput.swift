import CLinux
import Glibc

/// The descriptor that log lines go to; a reader that stands still costs lines, never the daemon.
///
/// A write that would block waits once, for a bounded time. After that lines are dropped without waiting until the
/// reader takes something again. A line that was half written is finished first, so lines never mix.
struct LogOutput: ~Copyable {
    /// What a write did.
    private enum Outcome {
        case all
        case some(Int)
        case failed
    }

    /// How to write without waiting.
    private enum Kind {
        /// A description of our own that does not block; other owners of the descriptor keep theirs as it is.
        case own
        case socket
        /// Regular files do not block in this sense.
        case file
        /// A terminal, or a pipe that could not be opened anew: asked before each small write.
        case polled
    }

    private let descriptor: Int32
    private let kind: Kind
    private let patience: Int32
    private var pending: [UInt8] = []
    private var isStalled = false
    /// Lines lost and not yet reported.
    private var dropped = 0

    init(descriptor: Int32, patience: Duration) {
        let milliseconds = patience / .milliseconds(1)
        self.patience = Int32(max(0, min(milliseconds, 60_000)))
        var status = stat()
        let mode = fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
        if mode == S_IFIFO {
            let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            kind = own >= 0 ? .own : .polled
            self.descriptor = own >= 0 ? own : descriptor
        } else {
            kind = mode == S_IFSOCK ? .socket : mode == S_IFREG ? .file : .polled
            self.descriptor = descriptor
        }
    }

    deinit {
        if kind == .own { close(descriptor) }
    }

    /// Writes a line, after what is left of an earlier one and, if lines were lost, after a line that says so.
    mutating func write(_ line: [UInt8], lost: (Int) -> [UInt8]) {
        guard flush() else {
            dropped += 1
            return
        }
        if dropped > 0 {
            let count = dropped
            guard send(lost(count)) else {
                dropped += 1
                return
            }
            dropped -= count
        }
        // The report may have been written in part only.
        if !pending.isEmpty || !send(line) { dropped += 1 }
    }

    /// Finishes a half-written line.
    private mutating func flush() -> Bool {
        guard !pending.isEmpty else { return true }
        let bytes = pending
        pending = []
        guard send(bytes) else {
            pending = bytes
            return false
        }
        return pending.isEmpty
    }

    /// Writes bytes; false when none of them went out, and the rest of a part is kept.
    private mutating func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        var waits = 0
        while !rest.isEmpty {
            switch attempt(rest) {
            case .all: rest = []
            case .some(let count) where count > 0:
                rest = rest.dropFirst(count)
            case .some:
                // A reader that takes little by little may not hold a line for ever either.
                guard !isStalled, waits < 4, wait(patience) else {
                    isStalled = true
                    return keep(rest, of: bytes)
                }
                waits += 1
            case .failed:
                return keep(rest, of: bytes)
            }
        }
        isStalled = false
        return true
    }

    private mutating func keep(_ rest: ArraySlice<UInt8>, of bytes: [UInt8]) -> Bool {
        guard rest.count < bytes.count else { return false }
        pending = Array(rest)
        return true
    }

    private func attempt(_ bytes: ArraySlice<UInt8>) -> Outcome {
        // A terminal takes this much once it says that it is ready.
        if kind == .polled, !wait(0) { return .some(0) }
        let size = kind == .polled ? min(bytes.count, Int(PIPE_BUF)) : bytes.count
        let count = bytes.withUnsafeBytes { buffer in
            kind == .socket
                ? Glibc.send(descriptor, buffer.baseAddress, size, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                : Glibc.write(descriptor, buffer.baseAddress, size)
        }
        if count == bytes.count { return .all }
        if count >= 0 { return .some(count) }
        return errno == EINTR || errno == EAGAIN ? .some(0) : .failed
    }

    private func wait(_ milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, milliseconds) == 1
    }
}
