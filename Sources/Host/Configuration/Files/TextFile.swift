import Glibc

/// Why a file could not be read or written, such as `cannot read "comfyd.yaml": No such file or directory`.
package struct FileProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The sentence.
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    /// Takes the reason from `errno`.
    static func system(_ action: String, _ path: String) -> FileProblem {
        let reason = String(cString: strerror(errno))
        return FileProblem("cannot \(action) \"\(path)\": \(reason)")
    }
}

/// Small text files, read whole.
enum TextFile {
    /// Bytes of a file that is read; a configuration with a thousand workers has a tenth of it.
    static let limit = 8 << 20

    /// Reads a file.
    ///
    /// - Throws: ``FileProblem`` when it cannot be opened, is larger than ``limit`` or is not UTF-8.
    static func read(_ path: String) throws(FileProblem) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("read", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", path) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw FileProblem("\"\(path)\" is larger than 8 MiB") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileProblem("\"\(path)\" is not UTF-8 text")
        }
        return text
    }

    /// Replaces a file in one step, keeping its mode and owner; a symbolic link stays one.
    ///
    /// - Throws: ``FileProblem``; the file is then as it was.
    static func replace(_ path: String, with text: String) throws(FileProblem) {
        let target = FilePath.real(path) ?? path
        var status = stat()
        let exists = stat(target, &status) == 0
        var template = Array("\(target).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw .system("write beside", path) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let temporary = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        var problem: FileProblem?
        if !writeAll(Array(text.utf8), to: descriptor) { problem = .system("write", path) }
        if exists {
            // Another owner's file stays theirs where the system lets us; the mode matters more.
            _ = fchown(descriptor, status.st_uid, status.st_gid)
            if problem == nil, fchmod(descriptor, status.st_mode & 0o7777) != 0 { problem = .system("write", path) }
        }
        if problem == nil, fsync(descriptor) != 0 { problem = .system("write", path) }
        close(descriptor)
        if problem == nil, rename(temporary, target) != 0 { problem = .system("replace", path) }
        if let problem {
            unlink(temporary)
            throw problem
        }
        syncDirectory(FilePath.directory(of: target))
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Makes the rename last through a power cut, as far as the file system can.
    private static func syncDirectory(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
