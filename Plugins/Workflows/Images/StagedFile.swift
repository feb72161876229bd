internal import Glibc
import PluginAPI

/// A file that an upload is written to until it is complete.
///
/// Its calls block; run them on threads made for that, one after the other.
final class StagedFile: Sendable {
    /// Where it is.
    let path: String
    private let descriptor: Int32

    /// Makes an empty file in a folder, which is made too.
    ///
    /// - Throws: ``StagingProblem``.
    init(in folder: String, name: String) throws(StagingProblem) {
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw StagingProblem("make \(folder)") }
        path = folder + "/" + name
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw StagingProblem("make \(path)") }
    }

    deinit {
        close(descriptor)
    }

    /// Adds bytes at the end.
    ///
    /// - Throws: ``StagingProblem``.
    func write(_ bytes: [UInt8]) throws(StagingProblem) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StagingProblem("write \(path)") }
            done += count
        }
    }

    /// Removes the file if it is still there.
    func remove() {
        unlink(path)
    }

    /// Removes what an earlier process left in a folder.
    static func removeAll(in folder: String) {
        guard let open = opendir(folder) else { return }
        defer { closedir(open) }
        while let entry = readdir(open) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { unlink(folder + "/" + name) }
        }
    }
}

/// Why an upload could not be written to disk.
struct StagingProblem: HTTPErrorConvertible, CustomStringConvertible {
    private let code: Int32
    private let action: String

    /// Takes the system's last error.
    init(_ action: String) {
        code = errno
        self.action = action
    }

    /// Such as `cannot write /var/lib/comfyd/workflows/uploads/x: No space left on device`.
    var description: String { "cannot \(action): " + String(cString: strerror(code)) }

    /// 507 when the disk is full, else 500; `FILE_OPERATION_ERROR`.
    var httpError: HTTPError {
        [ENOSPC, EDQUOT].contains(code)
            ? HTTPError(.insufficientStorage, .fileOperation, "The disk is full; nothing was kept.", cause: self)
            : HTTPError(.internalServerError, .fileOperation, "The upload could not be written to disk.", cause: self)
    }
}
