internal import Glibc

/// Reads files that fit into memory; every call blocks.
enum SmallFile {
    /// Why a file cannot be read.
    struct Problem: Error, CustomStringConvertible {
        /// The reason, with the path.
        let description: String
    }

    /// Reads a whole file.
    ///
    /// - Parameter largest: The most bytes it may have.
    /// - Throws: ``Problem``.
    static func read(_ path: String, largest: Int) throws(Problem) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw problem(path, "cannot be opened", errno) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: largest + 1)
        var count = 0
        while count < bytes.count {
            let taken = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(file, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if taken < 0, errno == EINTR { continue }
            guard taken >= 0 else { throw problem(path, "cannot be read", errno) }
            if taken == 0 { break }
            count += taken
        }
        guard count <= largest else { throw Problem(description: "\(path) is larger than \(largest) bytes") }
        return Array(bytes[..<count])
    }

    private static func problem(_ path: String, _ what: String, _ code: Int32) -> Problem {
        Problem(description: "\(path) \(what): \(String(cString: strerror(code)))")
    }
}
