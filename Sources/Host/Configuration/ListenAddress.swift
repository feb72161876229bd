import Glibc
package import PluginAPI

/// An address to listen on: a text `ADDRESS:PORT`, or a section with a certificate.
package struct ListenAddress: ConfigValue, Hashable {
    /// An IPv4 or IPv6 address, without brackets.
    package var address: String
    /// A port; 0 lets the system choose.
    package var port: UInt16
    /// PEM files of certificate chain and key; both or none.
    package var certificate: String?
    /// The key of the certificate.
    package var key: String?

    /// Makes an address that is known to be one.
    package init(address: String, port: UInt16, certificate: String? = nil, key: String? = nil) {
        self.address = address
        self.port = port
        self.certificate = certificate
        self.key = key
    }

    /// Takes a text such as `127.0.0.1:8000` or `[::1]:8000`, or `{address, certificate, key}`.
    package init(config: JSON) throws(ConfigProblem) {
        guard let section = config.objectValue else {
            guard let text = config.stringValue else { throw ConfigProblem("expected \(Self.configType)") }
            try self.init(text: text)
            return
        }
        for name in section.keys where !["address", "certificate", "key"].contains(name) {
            let near = Spelling.nearest(to: name, in: ["address", "certificate", "key"])
            throw ConfigProblem("unknown key \"\(name)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
        }
        guard let text = section["address"]?.stringValue else {
            throw ConfigProblem("\"address\" is missing; for example \"127.0.0.1:8443\"")
        }
        try self.init(text: text)
        certificate = try Self.file(section, "certificate")
        key = try Self.file(section, "key")
        guard (certificate == nil) == (key == nil) else {
            throw ConfigProblem("\"certificate\" and \"key\" belong together; one is missing")
        }
    }

    private static func file(_ section: JSONObject, _ name: String) throws(ConfigProblem) -> String? {
        guard let value = section[name], !value.isNull else { return nil }
        guard let path = value.stringValue, !path.isEmpty else { throw ConfigProblem("\"\(name)\": expected a path") }
        return path
    }

    private init(text: String) throws(ConfigProblem) {
        let problem = ConfigProblem(
            "\"\(text)\" is not an address and a port, such as \"127.0.0.1:8000\" or \"[::1]:8000\"")
        guard let colon = text.lastIndex(of: ":") else { throw problem }
        var host = String(text[..<colon])
        let digits = text[text.index(after: colon)...]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard Self.isIPv6(host) else { throw problem }
        } else if host.contains(":") {
            throw ConfigProblem(
                "\"\(text)\": an IPv6 address stands in brackets and a port follows, as in \"[::1]:8000\"")
        } else if host == "localhost" {
            host = "127.0.0.1"
        } else if !Self.isIPv4(host) {
            throw problem
        }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { throw problem }
        guard let port = UInt16(digits) else { throw ConfigProblem("\"\(text)\": port \(digits) is outside 0…65535") }
        self.init(address: host, port: port)
    }

    /// `address such as …`.
    package static var configType: String { "address such as \"127.0.0.1:8000\", or {address, certificate, key}" }

    /// The text, or the section when there is a certificate.
    package var configText: String {
        guard let certificate, let key else { return text.configText }
        return "{address: \(text.configText), certificate: \(certificate.configText), key: \(key.configText)}"
    }

    /// Such as `127.0.0.1:8000` or `[::1]:8000`.
    package var text: String {
        address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }

    /// Whether only this machine can reach it.
    package var isLoopback: Bool {
        address.hasPrefix("127.") || Self.bytes(ofIPv6: address) == [UInt8](repeating: 0, count: 15) + [1]
    }
}

// MARK: - IP addresses

extension ListenAddress {
    static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }

    static func isIPv6(_ text: String) -> Bool {
        bytes(ofIPv6: text) != nil
    }

    private static func bytes(ofIPv6 text: String) -> [UInt8]? {
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        return withUnsafeBytes(of: &address) { Array($0) }
    }
}
