internal import Glibc
internal import PluginAPI

/// An open file: its content stays the same when another one takes its name.
final class InputFile: Sendable {
    /// What tells two contents of one name apart: files are replaced, never changed.
    struct Stamp: Sendable, Hashable {
        let inode: UInt64
        let size: Int
        /// Nanoseconds since 1970.
        let modified: Int64

        init(_ info: stat) {
            inode = UInt64(info.st_ino)
            size = Int(info.st_size)
            modified = Int64(info.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(info.st_mtim.tv_nsec)
        }
    }

    /// What it was when it was opened.
    let stamp: Stamp
    private let descriptor: Int32

    /// How much is read at once.
    static let pieceSize = 128 << 10

    /// Opens a file for reading.
    ///
    /// - Throws: ``InputProblem``.
    init(_ path: String) throws(InputProblem) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw InputProblem("open", path) }
        var info = stat()
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw InputProblem("read", path, code: EISDIR)
        }
        descriptor = file
        stamp = Stamp(info)
    }

    deinit {
        close(descriptor)
    }

    /// The piece that begins at a place; empty at the end.
    ///
    /// - Throws: ``InputProblem``.
    func read(at offset: Int, upTo limit: Int = pieceSize) throws(InputProblem) -> [UInt8] {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
            repeat {
                count = pread(descriptor, buffer.baseAddress, buffer.count, offset)
            } while count < 0 && errno == EINTR
            initialized = max(0, count)
        }
        guard count >= 0 else { throw InputProblem("read", "a file") }
        return bytes
    }

    /// Makes sure that the content outlives a loss of power.
    ///
    /// - Throws: ``InputProblem``.
    func sync() throws(InputProblem) {
        guard fsync(descriptor) == 0 else { throw InputProblem("write", "a file") }
    }

    /// Whether another file has the same content.
    ///
    /// - Throws: ``InputProblem``.
    func hasContent(of other: InputFile) throws(InputProblem) -> Bool {
        guard stamp.size == other.stamp.size else { return false }
        var offset = 0
        while true {
            let piece = try read(at: offset)
            guard try piece == other.read(at: offset, upTo: max(1, piece.count)) || piece.isEmpty else { return false }
            guard !piece.isEmpty else { return true }
            offset += piece.count
        }
    }

    /// A body that reads the file on threads that may block.
    func source(_ blocking: any BlockingThreads) -> HTTPBody.Source {
        let reader = Reader(self)
        return {
            try await blocking.run { try reader.next() }
        }
    }

    /// Reads one piece after the other; is called by one task at a time.
    private final class Reader: @unchecked Sendable {
        private let file: InputFile
        private var offset = 0

        init(_ file: InputFile) {
            self.file = file
        }

        func next() throws -> [UInt8]? {
            let piece = try file.read(at: offset)
            offset += piece.count
            return piece.isEmpty ? nil : piece
        }
    }
}

/// Why the disk did not do as it was told.
struct InputProblem: Error, CustomStringConvertible, HTTPErrorConvertible {
    /// The number of the error, see errno(3).
    let code: Int32
    /// For the log.
    let description: String

    /// Says what failed on which path; the reason is the system's last one unless given.
    init(_ action: String, _ path: String, code: Int32 = errno) {
        self.code = code
        description = "cannot \(action) \(path): " + String(cString: strerror(code))
    }

    /// Whether nothing is there.
    var isMissing: Bool { code == ENOENT || code == ENOTDIR }

    /// 507 when the disk is full, 400 when something of another kind has the name, else 500; codes begin with `inputs.`.
    var httpError: HTTPError {
        switch code {
        case ENOSPC, EDQUOT:
            HTTPError(507, "inputs.disk_full", "The disk is full; the file was not kept.", cause: self)
        case EISDIR, ENOTDIR, ENAMETOOLONG, ENOTEMPTY, EEXIST:
            HTTPError(
                .badRequest, "inputs.bad_name", "The name cannot be used: something else has it, or it is too long.",
                cause: self)
        default:
            HTTPError(500, "inputs.not_kept", "The file could not be kept.", cause: self)
        }
    }
}
