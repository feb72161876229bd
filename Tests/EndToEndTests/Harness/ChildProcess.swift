import Glibc
import Synchronization

/// How a process ended.
enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7F
        self = signal == 0 ? .code((waitStatus >> 8) & 0xFF) : .signal(signal)
    }

    var description: String {
        switch self {
        case .code(let code): "exit code \(code)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}

/// A started program in a process group of its own.
struct ChildProcess: Sendable {
    let pid: pid_t

    /// Starts a program; output goes to the given descriptors, or to `/dev/null`.
    static func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
        output: Int32? = nil, errors: Int32? = nil
    ) throws -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (target, source) in [(Int32(1), output), (Int32(2), errors)] {
            if let source {
                posix_spawn_file_actions_adddup2(&actions, source, target)
            } else {
                posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_WRONLY, 0)
            }
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        // The module of the C library lacks posix_spawn_file_actions_addchdir_np; `env -C` becomes the program itself.
        let words = (directory.map { ["env", "-C", $0] } ?? []) + [program] + arguments
        var pid: pid_t = 0
        let code = withCStrings(words) { arguments in
            withCStrings(Self.environment(adding: environment)) { environment in
                posix_spawnp(&pid, words[0], &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else {
            throw Files.Failure(description: "start \(program): \(String(cString: strerror(code)))")
        }
        RunningGroups.insert(pid)
        return ChildProcess(pid: pid)
    }

    /// Waits for the end; blocks.
    func wait() -> ExitStatus {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return ExitStatus(waitStatus: status)
    }

    /// Ends everything in the group at once.
    func killGroup() {
        kill(-pid, SIGKILL)
        RunningGroups.remove(pid)
    }

    /// What programs need of this environment, and nothing that configures a daemon.
    private static func environment(adding more: [String: String]) -> [String] {
        let kept = ["PATH", "HOME", "USER", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS"]
        var entries: [String] = []
        for name in kept where more[name] == nil {
            if let value = getenv(name) { entries.append("\(name)=\(String(cString: value))") }
        }
        return entries + more.map { "\($0.key)=\($0.value)" }
    }

    private static func withCStrings<T>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> T
    ) -> T {
        var pointers = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}

/// The process groups that must not outlive the tests.
private enum RunningGroups {
    private static let groups = Mutex<Set<pid_t>>([])
    private static let atExit: Void = {
        atexit { RunningGroups.killAll() }
    }()

    static func insert(_ group: pid_t) {
        _ = atExit
        groups.withLock { _ = $0.insert(group) }
    }

    static func remove(_ group: pid_t) {
        groups.withLock { _ = $0.remove(group) }
    }

    static func killAll() {
        groups.withLock { for group in $0 { kill(-group, SIGKILL) } }
    }
}
