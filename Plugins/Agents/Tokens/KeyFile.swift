internal import Glibc
import PluginAPI

/// A file with keys, `kid:secret` on each line; every call blocks.
struct KeyFile: Sendable {
    /// Where it is.
    let path: String

    /// The largest file in bytes.
    static let largest = 64 << 10

    /// Reads the keys.
    ///
    /// - Throws: ``KeyRingProblem`` when the file cannot be read, or is too large.
    func read() throws(KeyRingProblem) -> [KeyRing.Entry] {
        do {
            let bytes = try SmallFile.read(path, largest: Self.largest)
            return KeyRing.entries(String(decoding: bytes, as: UTF8.self))
        } catch {
            throw KeyRingProblem(error.description)
        }
    }

    /// Whether there is something at the path.
    var exists: Bool { access(path, F_OK) == 0 }

    /// Whether other users of the machine can read the file.
    var isOpenToOthers: Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & 0o077 != 0
    }

    /// Makes the file with one key, readable by its owner alone, unless it is there.
    ///
    /// - Throws: ``KeyRingProblem``.
    func create(_ entry: KeyRing.Entry) throws(KeyRingProblem) {
        // Written aside and linked into place: a file that is there is a whole one.
        let draft = path + ".new"
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw problem("cannot be made", errno) }
        defer { unlink(draft) }
        let bytes = entry.secret.withExposed { Array("\(entry.id):\($0)\n".utf8) }
        let written = Glibc.write(file, bytes, bytes.count)
        let isSafe = written == bytes.count && fsync(file) == 0
        close(file)
        guard isSafe else { throw problem("cannot be written", errno) }
        guard link(draft, path) == 0 || errno == EEXIST else { throw problem("cannot be made", errno) }
        syncFolder()
    }

    /// Makes the new name outlive a loss of power: tokens that nobody can check would be left.
    private func syncFolder() {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        let folder = open(String(path[..<end]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    private func problem(_ what: String, _ code: Int32) -> KeyRingProblem {
        KeyRingProblem("\(path) \(what): \(String(cString: strerror(code)))")
    }
}
