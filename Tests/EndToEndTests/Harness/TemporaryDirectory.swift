import Glibc

/// A folder of one test, removed with all it holds when the last reference goes.
final class TemporaryDirectory: Sendable {
    let path: String
    /// The folder that this one is part of, and that removes it.
    private let parent: TemporaryDirectory?

    private init(_ path: String, in parent: TemporaryDirectory) {
        (self.path, self.parent) = (path, parent)
    }

    init() throws {
        parent = nil
        var template = Array("/tmp/comfyd-e2e-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TimedOut(description: "mkdtemp: \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        if parent == nil { Files.removeTree(path) }
    }

    /// A folder inside, which keeps this one.
    func sub(_ name: String) -> TemporaryDirectory {
        TemporaryDirectory(folder(name), in: self)
    }

    /// The path of something inside.
    func file(_ name: String) -> String {
        "\(path)/\(name)"
    }

    /// Makes a folder inside, with those above it.
    @discardableResult
    func folder(_ name: String) -> String {
        var made = path
        for part in name.split(separator: "/") {
            made += "/\(part)"
            mkdir(made, 0o755)
        }
        return made
    }

    /// Writes a file inside, and the folders it needs.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        if let slash = name.lastIndex(of: "/") { folder(String(name[..<slash])) }
        try Files.write(file(name), Array(text.utf8))
        return file(name)
    }
}

/// The little of a file system that the tests need.
enum Files {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }

    static func text(_ path: String) throws -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    static func write(_ path: String, _ bytes: [UInt8]) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// The permission bits.
    static func mode(_ path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    /// The names in a folder, sorted.
    static func names(in path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file, or a folder with all it holds; links are not followed.
    static func removeTree(_ path: String) {
        guard unlink(path) != 0, errno == EISDIR || errno == EPERM else { return }
        for name in names(in: path) { removeTree("\(path)/\(name)") }
        rmdir(path)
    }

    /// Where a symbolic link leads.
    static func target(ofLink path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
