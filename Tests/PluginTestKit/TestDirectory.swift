import Glibc

/// A folder below the system's temporary one that is removed with this object.
package final class TestDirectory: Sendable {
    /// Where it is.
    package let path: String

    /// Makes a folder.
    ///
    /// - Throws: ``TestHostError`` when the system refuses.
    package init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/comfyd-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestHostError("cannot make a folder below \(base)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        Self.remove(path)
    }

    /// Removes a file, or a folder with all that is in it; links are removed, not followed.
    private static func remove(_ path: String) {
        guard unlink(path) != 0, rmdir(path) != 0, let folder = opendir(path) else { return }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        closedir(folder)
        for name in names { remove("\(path)/\(name)") }
        rmdir(path)
    }
}

extension TestDirectory {
    /// Makes a folder in it, unless it is there, and returns its path.
    ///
    /// - Throws: ``TestHostError`` when the system refuses.
    package func folder(_ name: String) throws -> String {
        let folder = "\(path)/\(name)"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw TestHostError("cannot make \(folder)") }
        return folder
    }
}
