import PluginAPI

/// The parts of a request's URL that the client needs; refuses what libcurl and we could read differently.
struct ClientURL {
    /// The URL with `http` or `https` and no fragment.
    let text: String
    /// Whether TLS is spoken.
    let isSecure: Bool
    /// The host without brackets.
    let host: String
    /// Host and port as written, for `Host` and for messages.
    let authority: String
    /// Path and query.
    let target: String

    /// Takes an absolute URL apart.
    ///
    /// - Throws: `invalidURL` for other schemes, user names in the URL and bytes that must be escaped (RFC 3986 §2).
    init(_ url: String, allowsWebSocket: Bool = false) throws {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw Self.invalid("it has bytes that must be escaped")
        }
        let bytes = url.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { throw Self.invalid("it is not absolute") }
        let secure = Self.isSecure(url[..<colon].lowercased(), allowsWebSocket: allowsWebSocket)
        guard let secure else { throw Self.invalid("its scheme is not supported") }
        guard bytes[colon...].starts(with: "://".utf8),
            let start = bytes.index(colon, offsetBy: 3, limitedBy: bytes.endIndex)
        else { throw Self.invalid("it is not absolute") }
        let rest = bytes[start...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        let authority = url[start..<(end ?? bytes.endIndex)]
        let target = Substring(bytes[(end ?? bytes.endIndex)...].prefix { $0 != UInt8(ascii: "#") })
        host = try Self.host(of: authority)
        self.authority = String(authority)
        self.target = target.utf8.first == UInt8(ascii: "/") ? String(target) : "/" + target
        isSecure = secure
        text = (secure ? "https://" : "http://") + authority + self.target
    }

    /// Whether the host is certainly this machine.
    var isLoopback: Bool {
        if host.utf8.starts(with: "127.".utf8) {
            return host.utf8.allSatisfy { $0 == 0x2E || ($0 >= 0x30 && $0 <= 0x39) }
        }
        let name = host.lowercased()
        return name == "localhost" || name.hasSuffix(".localhost") || name == "::1"
    }

    private static func isSecure(_ scheme: String, allowsWebSocket: Bool) -> Bool? {
        switch scheme {
        case "http": false
        case "https": true
        case "ws" where allowsWebSocket: false
        case "wss" where allowsWebSocket: true
        default: nil
        }
    }

    private static func host(of authority: Substring) throws -> String {
        guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw invalid("it has a user name") }
        var host = authority
        var port: Substring?
        let bytes = authority.utf8
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw invalid("its host is broken") }
            host = authority[bytes.index(after: bytes.startIndex)..<close]
            let tail = authority[bytes.index(after: close)...]
            guard tail.isEmpty || tail.hasPrefix(":"), host.utf8.allSatisfy(isAddressByte) else {
                throw invalid("its host is broken")
            }
            port = tail.isEmpty ? nil : tail.dropFirst()
        } else {
            if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
                host = authority[..<colon]
                port = authority[bytes.index(after: colon)...]
            }
            guard host.utf8.allSatisfy(isNameByte) else { throw invalid("its host is broken") }
        }
        guard !host.isEmpty else { throw invalid("it has no host") }
        if let port {
            guard port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = UInt16(port), number > 0 else {
                throw invalid("its port is not one")
            }
        }
        return String(host)
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66, UInt8(ascii: ":"), UInt8(ascii: "."): true
        default: false
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func invalid(_ words: String) -> HTTPClientError {
        HTTPClientError(.invalidURL, mayHaveBeenProcessed: false, "the URL is not usable: \(words)")
    }
}
