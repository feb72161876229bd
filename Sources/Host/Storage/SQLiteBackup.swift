import Glibc
import PluginAPI
import Synchronization

/// Copies a database while it is in use.
struct SQLiteBackup {
    let source: String
    let settings: SQLiteSettings

    /// Writes a compact copy beside the target and moves it there once it is on disk; blocks.
    func write(to target: String) throws {
        let partial = target + ".partial"
        guard access(target, F_OK) != 0 else { throw DatabaseError(.io, "the backup \(target) exists already") }
        unlink(partial)
        // SQLite fills an empty file; made here, it is readable by its owner only.
        let descriptor = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.error("make", partial) }
        defer { close(descriptor) }
        do {
            let connection = try SQLiteConnection(path: source, role: .reader, settings: settings)
            try connection.copy(to: partial)
            guard fsync(descriptor) == 0 else { throw Self.error("write", partial) }
            guard rename(partial, target) == 0 else { throw Self.error("rename", partial) }
            PrivateFile.syncDirectory(of: target)
        } catch {
            unlink(partial)
            throw error
        }
    }

    private static func error(_ action: String, _ path: String) -> DatabaseError {
        DatabaseError(errno == ENOSPC ? .full : .io, "cannot \(action) \(path): \(String(cString: strerror(errno)))")
    }
}

/// The thread that writes backups, started by the first one.
final class BackupThread: Sendable {
    private let pool = Mutex<BlockingPool?>(BlockingPool(name: "db-backup", threads: 1))

    /// Runs one backup after the others.
    func run(_ backup: SQLiteBackup, to target: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let isOpen = pool.withLock { pool in
                // Under the lock, so that nothing reaches the thread after it was told to end.
                pool?.submit { continuation.resume(with: Result { try backup.write(to: target) }) }
                return pool != nil
            }
            if !isOpen { continuation.resume(throwing: DatabaseError(.unavailable, "the database is closed")) }
        }
    }

    /// Refuses new backups and waits for those that were taken; blocks.
    func shutDown() {
        let last = pool.withLock { pool in
            defer { pool = nil }
            return pool
        }
        last?.shutDown()
    }
}
