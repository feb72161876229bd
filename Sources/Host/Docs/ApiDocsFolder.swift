import Glibc
package import PluginAPI

/// Where the files of Swagger UI and ReDoc are, which an installation brings and the daemon does without.
///
/// Looked up with each request, so that files which are installed later need no restart.
package struct ApiDocsFolder: Sendable {
    private let directories: [String]
    private let files: any BlockingThreads

    /// Looks in these folders, the first that has a file wins; `files` are the threads that touch the disk.
    package init(directories: [String], files: any BlockingThreads) {
        self.directories = directories
        self.files = files
    }

    /// The standard places: `api-docs` beside the executable, and `../share/comfyd/api-docs` of an installation.
    package static func standardDirectories() -> [String] {
        guard let executable = Executable.path else { return [] }
        let folder = executable.lastIndex(of: "/").map { String(executable[..<$0]) } ?? "."
        return ["\(folder)/api-docs", "\(folder)/../share/comfyd/api-docs"]
    }

    /// Whether everything that the pages need is there.
    ///
    /// - Throws: `CancellationError` when the daemon ends.
    package var isComplete: Bool {
        get async throws {
            for asset in ApiDocsAsset.all where try await find(asset) == nil { return false }
            return true
        }
    }

    /// A file that is there.
    struct File: Sendable {
        let path: String
        /// The validator of its present content (RFC 9110 §8.8.3).
        let etag: String
    }

    /// Finds a file; `nil` when it is missing, or no regular file: links are not followed.
    ///
    /// - Throws: `CancellationError` when the daemon ends.
    func find(_ asset: ApiDocsAsset) async throws -> File? {
        try await files.run { [directories] in
            for directory in directories {
                let path = "\(directory)/\(asset.path)"
                var facts = stat()
                guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { continue }
                // As numbers: which of Swift's modules owns the members of a time depends on the order of a build's imports.
                let changed = withUnsafeBytes(of: facts.st_mtim) { bytes in
                    bytes.loadUnaligned(as: Int.self) &* 1_000_000_000
                        &+ bytes.loadUnaligned(fromByteOffset: MemoryLayout<Int>.size, as: Int.self)
                }
                return File(path: path, etag: "\"\(facts.st_size)-\(changed)-\(facts.st_ino)\"")
            }
            return nil
        }
    }
}
