import Glibc
package import PluginAPI

/// A small file that holds a secret and is for the daemon's user only.
package struct PrivateFile: Sendable {
    /// Where it is.
    package let path: String

    /// Names a file.
    package init(path: String) {
        self.path = path
    }

    /// Reads the file, or answers `nil` when there is none.
    ///
    /// A mode that lets others in is warned about and corrected.
    ///
    /// - Throws: ``PrivateFileError`` when it cannot be read, is no regular file or is larger than 64 KiB.
    package func read(logger: Logger) throws -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw PrivateFileError("read", path, errno)
        }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw PrivateFileError("read", path, errno) }
        guard facts.st_mode & S_IFMT == S_IFREG, facts.st_size <= 65_536 else {
            throw PrivateFileError(path, "is no file of at most 64 KiB")
        }
        if facts.st_mode & 0o077 != 0 {
            let isFixed = fchmod(descriptor, 0o600) == 0
            logger.warning(
                "a secret could be read by other users", ["path": path, "corrected": isFixed ? "yes" : "no"])
        }
        return try readAll(descriptor, limit: 65_536)
    }

    private func readAll(_ descriptor: Int32, limit: Int) throws -> [UInt8] {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while content.count <= limit {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw PrivateFileError("read", path, errno) }
            guard count > 0 else { break }
            content += chunk.prefix(count)
        }
        return content
    }

    /// Makes the file with mode 0600, complete and on disk when it appears; false when somebody else was first.
    ///
    /// - Throws: ``PrivateFileError`` when it cannot be made.
    package func create(_ content: [UInt8]) throws -> Bool {
        let draft = "\(path).\(Hex.encode(RandomID.bytes(8)))"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw PrivateFileError("make", path, errno) }
        defer {
            close(descriptor)
            unlink(draft)
        }
        var rest = content[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw PrivateFileError("write", path, errno) }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw PrivateFileError("write", path, errno) }
        // Unlike a rename, a link never replaces what is there.
        if link(draft, path) != 0 {
            if errno == EEXIST { return false }
            // Some file systems have no links.
            guard [EPERM, ENOTSUP, ENOSYS].contains(errno), rename(draft, path) == 0 else {
                throw PrivateFileError("make", path, errno)
            }
        }
        Self.syncDirectory(of: path)
        return true
    }

    /// Reads the file, or makes it with this content first.
    package func readOrCreate(logger: Logger, _ content: () -> [UInt8]) throws -> (content: [UInt8], isNew: Bool) {
        if let found = try read(logger: logger) { return (found, false) }
        let new = content()
        if try create(new) { return (new, true) }
        guard let found = try read(logger: logger) else { throw PrivateFileError("read", path, ENOENT) }
        return (found, false)
    }

    /// Makes a new name in a directory outlive a loss of power.
    static func syncDirectory(of path: String) {
        let parent = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
        let descriptor = open(parent.isEmpty ? "/" : String(parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}

/// Why a file with a secret cannot be used; names the file, never its content.
package struct PrivateFileError: Error, Sendable, CustomStringConvertible {
    /// The file and what is wrong with it.
    package let description: String

    /// Says what is wrong with a file.
    package init(_ path: String, _ problem: String) {
        description = "\(path) \(problem)"
    }

    init(_ action: String, _ path: String, _ code: Int32) {
        description = "cannot \(action) \(path): \(String(cString: strerror(code)))"
    }
}
