import Glibc
import Synchronization

/// Keeps a second daemon off a state directory: both would run every job.
///
/// The system gives the lock back when the process ends, however it ends.
final class StateLock: Sendable {
    private let path: String
    private let descriptor = Mutex<Int32?>(nil)

    /// A lock that is not yet held.
    init(directory: String) {
        path = "\(directory)/comfyd.lock"
    }

    /// Takes the lock, unless this process has it.
    ///
    /// - Throws: ``StateDirectoryError`` when another daemon has it.
    func acquire() throws(StateDirectoryError) {
        try descriptor.withLock { (descriptor) throws(StateDirectoryError) in
            guard descriptor == nil else { return }
            let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard opened >= 0 else { throw StateDirectoryError("\(path): \(String(cString: strerror(errno)))") }
            guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                close(opened)
                let reason =
                    code == EWOULDBLOCK ? "another daemon runs with this state_dir" : String(cString: strerror(code))
                throw StateDirectoryError("\(path): \(reason)")
            }
            descriptor = opened
        }
    }

    /// Gives the lock to whoever wants it next.
    func release() {
        descriptor.withLock { descriptor in
            if let descriptor { close(descriptor) }
            descriptor = nil
        }
    }
}
