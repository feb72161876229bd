internal import Glibc
import PluginAPI

/// The folder of the named workflows on disk, one `NAME.json` each; every call blocks.
///
/// Nothing is remembered between calls: a file that somebody copied in, changed, renamed or deleted counts from the next
/// call on, on any file system and however it was saved.
struct WorkflowFolder: Sendable {
    /// Where it is.
    let path: String

    /// The largest file in bytes.
    static let fileLimit = 64 << 20
    /// How many names are listed.
    static let longestList = 10_000
    /// How many parent folders are made.
    private static let deepestFolder = 64

    /// Makes the folder, and those above it, unless it is there.
    ///
    /// - Throws: ``FolderProblem``.
    func prepare() throws(FolderProblem) {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw FolderProblem("use", path, EINVAL) }
        try Self.make(path, levels: Self.deepestFolder)
        guard let folder = opendir(path) else { throw FolderProblem("read", path, errno) }
        closedir(folder)
    }

    private static func make(_ path: String, levels: Int) throws(FolderProblem) {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, levels > 0, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw FolderProblem("make", path, errno)
        }
        try make(String(path[..<slash]), levels: levels - 1)
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw FolderProblem("make", path, errno) }
    }

    /// The names of the workflows, sorted, at most ``longestList``, and whether there are more.
    ///
    /// - Throws: ``FolderProblem``.
    func names() throws(FolderProblem) -> (names: [String], areMore: Bool) {
        guard let folder = opendir(path) else { throw FolderProblem("read", path, errno) }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                guard errno == 0 else { throw FolderProblem("read", path, errno) }
                return (names.sorted(), false)
            }
            let file = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name = WorkflowName(file: file), isFile(entry.pointee.d_type, name) else { continue }
            guard names.count < Self.longestList else { return (names.sorted(), true) }
            names.append(name.text)
        }
    }

    private func isFile(_ type: UInt8, _ name: WorkflowName) -> Bool {
        if type == UInt8(DT_REG) { return true }
        // A link, or a file system that does not tell.
        guard type == UInt8(DT_LNK) || type == UInt8(DT_UNKNOWN), let file = try? open(name) else { return false }
        close(file)
        return true
    }

    /// The bytes of a workflow; `nil` when there is none of that name.
    ///
    /// - Throws: ``FolderProblem``.
    func read(_ name: WorkflowName) throws(FolderProblem) -> [UInt8]? {
        guard let file = try open(name) else { return nil }
        defer { close(file) }
        var info = stat()
        guard fstat(file, &info) == 0 else { throw FolderProblem("read", self.file(name), errno) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(max(0, Int(info.st_size)), Self.fileLimit) + 1)
        // Up to the end, not up to the size: the file may have grown since.
        while bytes.count <= Self.fileLimit {
            let wanted = min(max(64 << 10, Int(info.st_size) - bytes.count + 1), Self.fileLimit + 1 - bytes.count)
            var failure: Int32 = 0
            let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                var got = 0
                repeat { got = Glibc.read(file, buffer.baseAddress, wanted) } while got < 0 && errno == EINTR
                if got < 0 { failure = errno }
                count = max(0, got)
            }
            guard failure == 0 else { throw FolderProblem("read", self.file(name), failure) }
            if piece.isEmpty { return bytes }
            bytes += piece
        }
        throw FolderProblem("read", self.file(name), EFBIG)
    }

    /// Opens the file of a workflow; `nil` when it is none, or a link that leads out of the folder.
    private func open(_ name: WorkflowName) throws(FolderProblem) -> Int32? {
        let path = file(name)
        // Not to wait for the other end of a pipe.
        let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        var file = Glibc.open(path, flags)
        // Links inside the folder are how container platforms mount files.
        if file < 0, errno == ELOOP, let target = target(ofLink: path) { file = Glibc.open(target, flags) }
        guard file >= 0 else {
            if [ENOENT, ENOTDIR, ELOOP, ENXIO].contains(errno) { return nil }
            throw FolderProblem("read", path, errno)
        }
        var info = stat()
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            close(file)
            return nil
        }
        return file
    }

    private func target(ofLink link: String) -> String? {
        guard let folder = Self.resolved(path), let target = Self.resolved(link),
            target.utf8.starts(with: (folder == "/" ? folder : folder + "/").utf8)
        else {
            errno = ENOENT
            return nil
        }
        return target
    }

    private static func resolved(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(validatingCString: text)
    }

    /// Where the file of a workflow is.
    func file(_ name: WorkflowName) -> String { "\(path)/\(name.file)" }
}
