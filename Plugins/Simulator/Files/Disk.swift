internal import Glibc

/// The few calls to the file system that the simulator needs; all of them are short.
enum Disk {
    /// What is known of a file.
    struct Status: Sendable {
        var size: Int
        /// Nanoseconds since 1970.
        var modified: Int64
        var isFolder: Bool
    }

    static func status(_ path: String) -> Status? {
        var info = stat()
        guard !path.utf8.contains(0), stat(path, &info) == 0 else { return nil }
        let (scaled, overflow) = Int64(info.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let kind = info.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR, !overflow else { return nil }
        return Status(
            size: Int(info.st_size), modified: scaled &+ Int64(info.st_mtim.tv_nsec), isFolder: kind == S_IFDIR)
    }

    /// The content of a file, at most `limit` bytes of it.
    static func read(_ path: String, limit: Int) -> [UInt8]? {
        guard !path.utf8.contains(0) else { return nil }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard let size = status(path)?.size else { return nil }
        let wanted = min(size, limit)
        guard wanted > 0 else { return [] }
        var total = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            while total < wanted {
                let got = Glibc.read(file, buffer.baseAddress?.advanced(by: total), wanted - total)
                guard got > 0 else { break }
                total += got
            }
            count = total
        }
        return bytes
    }

    /// Writes a whole file.
    ///
    /// - Returns: `false` when it is there already and must not be replaced, or cannot be written.
    static func write(_ bytes: [UInt8], to path: String, replacing: Bool) -> Bool {
        guard !path.utf8.contains(0) else { return false }
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (replacing ? O_TRUNC : O_EXCL), 0o644)
        guard file >= 0 else { return false }
        defer { close(file) }
        return bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let put = Glibc.write(file, buffer.baseAddress?.advanced(by: done), buffer.count - done)
                guard put > 0 else { return false }
                done += put
            }
            return true
        }
    }

    /// Adds bytes to the end of a file, which is made when it is missing; in one call, so that lines stay whole.
    static func append(_ bytes: [UInt8], to path: String) -> Bool {
        guard !path.utf8.contains(0) else { return false }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { return false }
        defer { close(file) }
        return bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } == bytes.count
    }

    /// Makes a folder and those above it.
    static func makeFolder(_ path: String) -> Bool {
        guard !path.utf8.contains(0) else { return false }
        if let known = status(path) { return known.isFolder }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex, !makeFolder(String(path[..<slash])) {
            return false
        }
        return mkdir(path, 0o755) == 0 || errno == EEXIST
    }

    /// The names in a folder, sorted.
    static func names(in path: String) -> [String] {
        guard !path.utf8.contains(0), let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes what is in a folder.
    static func empty(_ path: String) {
        for name in names(in: path) {
            let inner = path + "/" + name
            if status(inner)?.isFolder == true {
                empty(inner)
                rmdir(inner)
            } else {
                unlink(inner)
            }
        }
    }

    static func remove(_ path: String) -> Bool {
        !path.utf8.contains(0) && unlink(path) == 0
    }

    static func move(_ path: String, to target: String) -> Bool {
        !path.utf8.contains(0) && !target.utf8.contains(0) && rename(path, target) == 0
    }
}
