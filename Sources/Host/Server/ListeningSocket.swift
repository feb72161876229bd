import CLinux
import CMicrohttpd
import Glibc
import PluginAPI

/// Why an address cannot be listened on.
package struct ListenError: Error, CustomStringConvertible {
    /// The address as configured, with port.
    package let address: String
    /// The system's words.
    package let reason: String

    /// Such as `listen 127.0.0.1:8000: Address already in use`.
    package var description: String { "listen \(address): \(reason)" }
}

/// A bound TCP socket that several daemons accept from.
///
/// It is close-on-exec; to hand it to a new process, duplicate it onto a chosen number in the child
/// (`posix_spawn_file_actions_adddup2`, which clears the flag) and name that number in the child's configuration.
struct ListeningSocket: Sendable {
    let descriptor: Int32
    let address: String
    let port: UInt16

    /// Binds, or takes over an inherited socket.
    ///
    /// - Throws: ``ListenError``.
    init(_ listener: HTTPServerConfiguration.Listener) throws {
        let name = Self.text(listener.address, listener.port)
        if let inherited = listener.inheritedSocket {
            descriptor = try Self.adopt(inherited, name)
        } else {
            descriptor = try Self.bind(listener, name)
        }
        (address, port) = Self.boundAddress(of: descriptor) ?? (listener.address, listener.port)
    }

    /// Lets clients connect; harmless on a socket that listens already.
    ///
    /// - Throws: ``ListenError``, such as when another socket was faster on the address.
    func listen() throws {
        guard Glibc.listen(descriptor, 4096) == 0 else {
            throw ListenError(address: Self.text(address, port), reason: Self.lastError())
        }
    }

    private static func text(_ address: String, _ port: UInt16) -> String {
        address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]:\(port)" : "\(address):\(port)"
    }

    private static func adopt(_ descriptor: Int32, _ name: String) throws -> Int32 {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0, value != 0 else {
            throw ListenError(address: name, reason: "descriptor \(descriptor) is not a listening socket")
        }
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    private static func bind(_ listener: HTTPServerConfiguration.Listener, _ name: String) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(listener.address, String(listener.port), &hints, &found)
        guard code == 0, let info = found else {
            throw ListenError(address: name, reason: "not an IP address (\(String(cString: gai_strerror(code))))")
        }
        defer { freeaddrinfo(info) }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(info.pointee.ai_family, type, 0)
        guard descriptor >= 0 else { throw ListenError(address: name, reason: lastError()) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        if info.pointee.ai_family == AF_INET6 {
            setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
        guard Glibc.bind(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
            let reason = lastError()
            close(descriptor)
            throw ListenError(address: name, reason: reason)
        }
        return descriptor
    }

    private static func lastError() -> String {
        String(cString: strerror(errno))
    }

    private static func boundAddress(of descriptor: Int32) -> (String, UInt16)? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &size) == 0 else { return nil }
                return SocketAddress.text(of: address)
            }
        }
    }
}

/// Numeric addresses as text.
enum SocketAddress {
    /// Address and port; an IPv4 address that is mapped into IPv6 is given as IPv4.
    static func text(of address: UnsafePointer<sockaddr>) -> (address: String, port: UInt16)? {
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                var source = pointer.pointee.sin_addr
                return format(AF_INET, &source).map { ($0, UInt16(bigEndian: pointer.pointee.sin_port)) }
            }
        case AF_INET6:
            return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                var source = pointer.pointee.sin6_addr
                let text = format(AF_INET6, &source)
                let mapped = "::ffff:"
                let plain = text.map { $0.hasPrefix(mapped) && $0.utf8.contains(46) ? String($0.dropFirst(7)) : $0 }
                return plain.map { ($0, UInt16(bigEndian: pointer.pointee.sin6_port)) }
            }
        default: return nil
        }
    }

    private static func format(_ family: Int32, _ source: UnsafeRawPointer) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            guard let start = buffer.baseAddress, inet_ntop(family, source, start, socklen_t(INET6_ADDRSTRLEN)) != nil
            else { return nil }
            return String(cString: start)
        }
    }
}
