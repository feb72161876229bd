import ComfyUI
internal import Glibc
import PluginAPI

extension WorkflowFolder {
    /// Puts bytes in place of a workflow: after a crash at any moment the file is the old one or the new one.
    ///
    /// - Returns: Whether there was no file of that name.
    /// - Throws: ``FolderProblem``; the file is as it was then.
    func write(_ bytes: [UInt8], to name: WorkflowName) throws(FolderProblem) -> Bool {
        let target = file(name)
        let draft = "\(path)/\(Self.draftPrefix)\(PromptID.random())"
        var info = stat()
        let isNew = lstat(target, &info) != 0
        do throws(FolderProblem) {
            // A link has permissions for all, which are not those of what it leads to.
            let hasMode = !isNew && info.st_mode & S_IFMT == S_IFREG
            try Self.write(bytes, toDraft: draft, mode: hasMode ? info.st_mode & 0o777 : 0o644)
            guard rename(draft, target) == 0 else { throw FolderProblem("write", target, errno) }
        } catch {
            unlink(draft)
            throw error
        }
        try synchronize()
        return isNew
    }

    /// Deletes a workflow.
    ///
    /// - Returns: Whether there was one.
    /// - Throws: ``FolderProblem``.
    func remove(_ name: WorkflowName) throws(FolderProblem) -> Bool {
        guard unlink(file(name)) == 0 else {
            if [ENOENT, ENOTDIR, EISDIR].contains(errno) { return false }
            throw FolderProblem("delete", file(name), errno)
        }
        try synchronize()
        return true
    }

    /// Deletes what writers left that were killed, if it is older than an hour.
    func removeDrafts(now: Timestamp) {
        guard let folder = opendir(path) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let file = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var info = stat()
            guard file.hasPrefix(Self.draftPrefix), lstat("\(path)/\(file)", &info) == 0 else { continue }
            if now.milliseconds / 1000 - Int64(info.st_mtim.tv_sec) > 3600 { unlink("\(path)/\(file)") }
        }
    }

    /// A name that no workflow can have.
    static var draftPrefix: String { ".comfyd-draft-" }

    private static func write(_ bytes: [UInt8], toDraft draft: String, mode: mode_t) throws(FolderProblem) {
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard file >= 0 else { throw FolderProblem("write", draft, errno) }
        defer { close(file) }
        var done = 0
        while done < bytes.count {
            let put = bytes[done...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw FolderProblem("write", draft, put == 0 ? EIO : errno) }
            done += put
        }
        guard fsync(file) == 0 else { throw FolderProblem("write", draft, errno) }
    }

    /// Makes the change of a name durable.
    private func synchronize() throws(FolderProblem) {
        let folder = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw FolderProblem("write", path, errno) }
        defer { close(folder) }
        // Some network file systems cannot do this with a folder.
        guard fsync(folder) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw FolderProblem("write", path, errno)
        }
    }
}
