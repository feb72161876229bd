import Glibc

/// Makes the folders in which the daemon keeps its data, closed to other users.
enum StateDirectory {
    /// Makes a folder and its parents.
    ///
    /// - Throws: ``StateDirectoryError``.
    static func prepare(_ path: String) throws(StateDirectoryError) {
        var built = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            built += built.isEmpty || built.hasSuffix("/") ? String(part) : "/\(part)"
            guard mkdir(built, 0o700) != 0, errno != EEXIST else { continue }
            let reason = String(cString: strerror(errno))
            throw StateDirectoryError("state_dir \"\(path)\": cannot make \"\(built)\": \(reason)")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw StateDirectoryError("state_dir \"\(path)\" is not a folder")
        }
        guard access(path, W_OK | X_OK) == 0 else {
            throw StateDirectoryError("state_dir \"\(path)\": \(String(cString: strerror(errno)))")
        }
    }
}

/// Why the daemon has no place for its data.
struct StateDirectoryError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
