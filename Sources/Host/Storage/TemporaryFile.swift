import Glibc
import PluginAPI

/// The place of a database that lives no longer than its owner.
enum TemporaryFile {
    /// Makes a directory that only this user can enter, below `TMPDIR`.
    static func makeDirectory() throws -> String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((base + "/comfyd-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw DatabaseError(
                .io, "cannot make a temporary directory in \(base): \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a database, its journal's files and its directory.
    static func remove(_ path: String, in directory: String) {
        for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
        rmdir(directory)
    }
}
