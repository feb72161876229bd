import CLinux
import Glibc

/// Replaces the running process by a new one without closing the listening sockets.
///
/// The old process starts the executable again; the new one inherits the sockets, checks configuration, plugins,
/// certificates and new addresses and says `R`. Then the old one stops accepting, finishes its requests, stops its plugins and says `G`; connections made
/// meanwhile wait in the sockets' queues. The new one starts its plugins, accepts, and says `L`; the old one ends.
/// A new process that dies before `R` changes nothing.
package enum Handover {
    private static let variable = "COMFYD_HANDOVER"

    /// One end of the control channel.
    package struct Channel: Sendable {
        fileprivate let descriptor: Int32

        /// Waits for a message on one of the pool's threads; false when the other process ended instead.
        package func receive(_ expected: Message, on pool: BlockingPool) async -> Bool {
            let descriptor = descriptor
            let byte = try? await pool.run { () -> UInt8 in
                var byte: UInt8 = 0
                while true {
                    let count = read(descriptor, &byte, 1)
                    if count < 0, errno == EINTR { continue }
                    return count == 1 ? byte : 0
                }
            }
            return byte == expected.rawValue
        }

        /// Sends a message.
        package func send(_ message: Message) {
            var byte = message.rawValue
            _ = Glibc.send(descriptor, &byte, 1, Int32(MSG_NOSIGNAL))
        }

        /// Ends the conversation, so that both processes wait no longer.
        package func hangUp() {
            shutdown(descriptor, Int32(SHUT_RDWR))
        }

        package func close() {
            Glibc.close(descriptor)
        }
    }

    /// What the two processes say.
    package enum Message: UInt8, Sendable {
        /// The new process is ready to take over.
        case ready = 0x52
        /// The old process has let go of everything but open answers.
        case go = 0x47
        /// The new process accepts connections.
        case listening = 0x4C
    }

    /// What a new process inherits.
    package struct Inheritance: Sendable {
        /// The way to the old process.
        package let channel: Channel
        /// Listening sockets by `ADDRESS:PORT` as configured.
        package let sockets: [String: Int32]
    }

    /// What this process inherited, if it was started by ``start(sockets:)``; the variable is removed from the environment.
    package static func inherited() -> Inheritance? {
        guard let value = getenv(variable).map({ String(cString: $0) }) else { return nil }
        unsetenv(variable)
        let parts = value.split(separator: ",")
        guard let first = parts.first, let control = Int32(first) else { return nil }
        var sockets: [String: Int32] = [:]
        for part in parts.dropFirst() {
            guard let mark = part.lastIndex(of: "="), let socket = Int32(part[part.index(after: mark)...]) else {
                continue
            }
            _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
            sockets[String(part[..<mark])] = socket
        }
        _ = fcntl(control, F_SETFD, FD_CLOEXEC)
        return Inheritance(channel: Channel(descriptor: control), sockets: sockets)
    }

    /// Starts the executable again with the same arguments and these sockets.
    ///
    /// - Throws: ``HandoverError``.
    package static func start(sockets: [(name: String, socket: Int32)]) throws(HandoverError) -> (pid: Int32, Channel) {
        var pair: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw HandoverError("socketpair: \(String(cString: strerror(errno)))")
        }
        defer { Glibc.close(pair[1]) }
        let description = ([String(pair[1])] + sockets.map { "\($0.name)=\($0.socket)" }).joined(separator: ",")
        let pid = try spawn(inheriting: [pair[1]] + sockets.map(\.socket), description)
        return (pid, Channel(descriptor: pair[0]))
    }

    private static func spawn(inheriting descriptors: [Int32], _ description: String) throws(HandoverError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Duplicating a descriptor onto itself clears its close-on-exec flag in the new process.
        for descriptor in descriptors { posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor) }
        // Our signals stay blocked in the new process until it watches them, so that none kills it in its first moments.
        var environment = Self.environment()
        environment.append("\(variable)=\(description)")
        var pid: Int32 = 0
        // The link in /proc stays with the file that this process was started from, also after an update replaced it.
        let program = Executable.path.flatMap { access($0, X_OK) == 0 ? $0 : nil } ?? "/proc/self/exe"
        let code = withCStrings(CommandLine.arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&pid, program, &actions, nil, arguments, environment)
            }
        }
        guard code == 0 else { throw HandoverError("start the new process: \(String(cString: strerror(code)))") }
        return pid
    }

    private static func environment() -> [String] {
        var entries: [String] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(String(cString: entry))
            next += 1
        }
        return entries
    }

    private static func withCStrings<T>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> T
    ) -> T {
        var pointers = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}

/// Why no new process could be started.
package struct HandoverError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
