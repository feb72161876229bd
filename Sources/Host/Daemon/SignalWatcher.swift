import CLinux
import Glibc

/// Delivers signals as calls on a loop.
package final class SignalWatcher: Sendable {
    /// The signals the daemon knows.
    package enum Signal: Int32, Sendable, CaseIterable {
        /// SIGTERM and SIGINT: drain and end; a second one ends at once.
        case terminate = 15
        case interrupt = 2
        /// SIGHUP: read configuration and certificates again.
        case reload = 1
        /// SIGUSR2: hand over to a new process.
        case handOver = 12
    }

    private let descriptor: Int32

    /// Blocks the signals in the calling thread, and so in all threads it starts later; call first in `main`.
    package static func blockInAllThreads() {
        signal(SIGPIPE, SIG_IGN)
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Calls the handler on the loop for each signal from now on.
    package init(on loop: EventLoop, _ handler: @escaping @Sendable (Signal) -> Void) {
        var set = Self.set
        let descriptor = signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))
        self.descriptor = descriptor
        loop.execute {
            loop.watch(descriptor, events: EPOLLIN.rawValue) { _ in
                var info = signalfd_siginfo()
                while read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
                    if let signal = Signal(rawValue: Int32(bitPattern: info.ssi_signo)) { handler(signal) }
                }
            }
        }
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in Signal.allCases { sigaddset(&set, signal.rawValue) }
        return set
    }
}
