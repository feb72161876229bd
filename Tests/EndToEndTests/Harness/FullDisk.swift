import Glibc

/// A disk that is full on command, below one folder and for one program: see `Tests/CFullDisk/full-disk.c`.
struct FullDisk: Sendable {
    /// How full a disk is.
    enum State: String, Sendable, CaseIterable {
        /// What is allocated can be written over, as on most file systems.
        case cannotGrow = "grow"
        /// Nothing can be written.
        case cannotWrite = "all"
    }

    /// Makes the program believe it.
    let environment: [String: String]
    private let flag: String

    /// Prepares a disk with space.
    ///
    /// - Parameter folder: The folder it is about.
    init(folder: String, flag: String) async throws {
        self.flag = flag
        // A sanitizer's runtime wants to be first, but not when it is linked into the program.
        environment = [
            "LD_PRELOAD": try await Self.compilation.value, "FULL_DISK_FOLDER": folder, "FULL_DISK_FLAG": flag,
        ]
    }

    /// Takes all space away.
    func fill(_ state: State) throws {
        try Files.write(flag, Array(state.rawValue.utf8))
    }

    /// Gives it back.
    func makeRoom() {
        unlink(flag)
    }

    /// The library, compiled once, by the compiler that comes with Swift or the system's.
    private static let compilation = Task {
        let folder = Places.binaries + "/end-to-end"
        let source = Places.repository + "/Tests/CFullDisk/full-disk.c"
        let script =
            #"mkdir -p "$1" && exec $(command -v clang || echo cc) -shared -fPIC -O1 -Wall -Werror -o "$1/full-disk.so" "$2""#
        let result = try await run("sh", ["-c", script, "sh", folder, source], within: 60)
        guard result.status == .code(0) else { throw Files.Failure(description: "full-disk.c: \(result)") }
        return folder + "/full-disk.so"
    }
}
