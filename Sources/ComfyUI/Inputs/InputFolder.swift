internal import Glibc
internal import PluginAPI

/// The folder on disk where input files are kept: `<subfolder>/<name>`, those of the type temp below `.temp/`.
///
/// Its calls block; run them on threads made for that.
public struct InputFolder: Sendable {
    private let directory: String

    /// Takes a folder, which is made when the first file comes.
    public init(directory: String) {
        self.directory = directory
    }

    /// Where a file of a name is, or would be.
    public func path(of name: InputName) -> String {
        root(name.type) + "/" + name.path
    }

    /// The size of a kept file; `nil` when there is none of this name.
    public func size(of name: InputName) -> Int? {
        (try? open(name))?.stamp.size
    }

    /// Temporary files live so long.
    static let temporaryLife = Duration.seconds(86_400)
    /// Where files are until they have their name.
    private var incoming: String { directory + "/.incoming" }

    private func root(_ type: String) -> String { type == "temp" ? directory + "/.temp" : directory }

    /// Opens a kept file.
    func open(_ name: InputName) throws(InputProblem) -> InputFile {
        try InputFile(path(of: name))
    }

    /// What a name is on disk now; `nil` when there is no such file.
    ///
    /// - Throws: ``InputProblem`` when the disk does not say.
    func stamp(of name: InputName) throws(InputProblem) -> InputFile.Stamp? {
        do {
            return try open(name).stamp
        } catch {
            if error.isMissing || error.code == EISDIR { return nil }
            throw error
        }
    }
}

// MARK: - Coming in

extension InputFolder {
    /// Takes over a file, complete and durable, but without its name yet.
    ///
    /// - Returns: Where it is now; the caller gives it a name with ``settle(_:as:replacing:)`` or removes it.
    /// - Throws: ``InputProblem``; the file is then still where it was.
    func takeIn(_ path: String) throws(InputProblem) -> String {
        try makeFolder(incoming)
        let draft = incoming + "/" + PromptID.random()
        let file = try InputFile(path)
        try file.sync()
        if rename(path, draft) == 0 { return draft }
        guard errno == EXDEV else { throw InputProblem("move", path) }
        do {
            try copy(file, to: draft)
        } catch {
            unlink(draft)
            throw error
        }
        unlink(path)
        return draft
    }

    private func copy(_ file: InputFile, to path: String) throws(InputProblem) {
        let target = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard target >= 0 else { throw InputProblem("make", path) }
        defer { close(target) }
        var offset = 0
        while true {
            let piece = try file.read(at: offset)
            guard !piece.isEmpty else { break }
            var done = 0
            while done < piece.count {
                let count = piece.withUnsafeBytes { write(target, $0.baseAddress?.advanced(by: done), $0.count - done) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw InputProblem("write", path) }
                done += count
            }
            offset += piece.count
        }
        guard fsync(target) == 0 else { throw InputProblem("write", path) }
    }

    /// Gives a file that came in its name, at once and for good.
    ///
    /// - Returns: false when the name is taken and may not be replaced; the draft is then still there.
    /// - Throws: ``InputProblem``; the draft is then still there.
    func settle(_ draft: String, as name: InputName, replacing: Bool) throws(InputProblem) -> Bool {
        let target = path(of: name)
        try makeFolder(Self.parent(of: target))
        if replacing {
            guard rename(draft, target) == 0 else { throw InputProblem("make", target) }
        } else if link(draft, target) == 0 {
            unlink(draft)
        } else {
            if errno == EEXIST { return false }
            // Some file systems have no links.
            guard [EPERM, ENOTSUP, ENOSYS].contains(errno) else { throw InputProblem("make", target) }
            guard access(target, F_OK) != 0 else { return false }
            guard rename(draft, target) == 0 else { throw InputProblem("make", target) }
        }
        Self.syncFolder(Self.parent(of: target))
        return true
    }

    private static func parent(of path: String) -> String {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        return String(path[..<slash])
    }

    /// Makes a folder and those above it, durably.
    private func makeFolder(_ path: String) throws(InputProblem) {
        guard mkdir(path, 0o755) != 0 else {
            Self.syncFolder(Self.parent(of: path))
            return
        }
        if errno == EEXIST { return }
        guard errno == ENOENT, path.utf8.count > 1 else { throw InputProblem("make", path) }
        try makeFolder(Self.parent(of: path))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw InputProblem("make", path) }
        Self.syncFolder(Self.parent(of: path))
    }

    /// Makes a new name in a folder outlive a loss of power.
    private static func syncFolder(_ path: String) {
        let descriptor = Glibc.open(path.isEmpty ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Removes a file that did not get a name.
    func discard(_ path: String) {
        unlink(path)
    }
}

// MARK: - What is there

extension InputFolder {
    /// The names of all kept files, as far as they are names that an upload could have.
    ///
    /// - Returns: At most `limit` names, and whether these are all: a folder may be such that it cannot be read.
    func names(limit: Int, types: [String] = ["input", "temp"]) -> (names: Set<InputName>, isComplete: Bool) {
        var found: Set<InputName> = []
        var isComplete = true
        for type in types {
            var folders = [""]
            while let folder = folders.popLast() {
                guard let entries = entries(root(type) + "/" + folder) else {
                    isComplete = false
                    continue
                }
                for entry in entries {
                    guard let name = InputName(filename: entry, subfolder: folder, type: type) else { continue }
                    switch kind(path(of: name)) {
                    case S_IFREG:
                        guard found.count < limit else { return (found, false) }
                        found.insert(name)
                    case S_IFDIR: folders.append(name.path)
                    default: break
                    }
                }
            }
        }
        return (found, isComplete)
    }

    /// Removes what nobody finished to bring and is older than some time: at the same time another part of the daemon may have
    /// the store open.
    func removeDrafts(olderThan life: Duration, now: Timestamp) {
        for entry in entries(incoming) ?? [] { removeOld(incoming + "/" + entry, life, now) }
    }

    /// Removes temporary files that are old.
    ///
    /// - Returns: Those that are gone.
    func sweepTemporary(now: Timestamp, limit: Int) -> Set<InputName> {
        names(limit: limit, types: ["temp"]).names.filter { name in
            removeOld(path(of: name), Self.temporaryLife, now)
        }
    }

    @discardableResult
    private func removeOld(_ path: String, _ life: Duration, _ now: Timestamp) -> Bool {
        var info = stat()
        guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return false }
        let age = now.milliseconds / 1000 - Int64(info.st_mtim.tv_sec)
        return age > life.components.seconds && unlink(path) == 0
    }

    /// The type of what a path leads to; folders that are links are not followed, or a circle of them would never end.
    private func kind(_ path: String) -> mode_t {
        var info = stat()
        guard lstat(path, &info) == 0 else { return 0 }
        let kind = info.st_mode & S_IFMT
        guard kind == S_IFLNK else { return kind }
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG ? S_IFREG : 0
    }

    /// What is in a folder, without hidden entries; nothing when there is no such folder, `nil` when it cannot be read.
    private func entries(_ path: String) -> [String]? {
        guard let folder = opendir(path) else { return [ENOENT, ENOTDIR].contains(errno) ? [] : nil }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else { return errno == 0 ? names : nil }
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.utf8.starts(with: [UInt8(ascii: ".")]) || path == incoming { names.append(name) }
        }
    }
}
