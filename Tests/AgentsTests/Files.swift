import Glibc
import Testing

/// Files of tests.
enum Files {
    /// Writes a text over what is there.
    static func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        try #require(fputs(text, file) >= 0)
    }

    /// The permissions of a file.
    static func mode(of path: String) throws -> UInt32 {
        var facts = stat()
        try #require(stat(path, &facts) == 0)
        return UInt32(facts.st_mode) & 0o777
    }
}
