/// The base URL of a ComfyUI server in one spelling: lower-case scheme and host, no default port, no trailing slash.
public struct ServerURL: Sendable, Equatable {
    /// The URL.
    public let text: String

    /// The longest URL in bytes.
    public static let longest = 2048

    /// Reads a URL; `nil` unless it is http or https with a host, and without credentials, query and fragment.
    public init?(_ given: String) {
        guard given.utf8.count <= Self.longest, given.utf8.allSatisfy({ $0 > 32 && $0 < 127 }),
            !given.utf8.contains(where: { "?#\\\"<>^`{|}@".utf8.contains($0) })
        else { return nil }
        let parts = given.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[1].isEmpty else { return nil }
        let scheme = parts[0].lowercased()
        guard scheme == "http:" || scheme == "https:" else { return nil }
        guard let authority = Self.authority(parts[2].lowercased(), defaultPort: scheme == "http:" ? 80 : 443) else {
            return nil
        }
        var path = parts.count > 3 ? "/" + parts[3] : ""
        while path.hasSuffix("/") { path.removeLast() }
        text = "\(scheme)//\(authority)\(path)"
    }

    /// Host and port; `nil` when the host is empty or the port is none.
    private static func authority(_ text: String, defaultPort: Int) -> String? {
        var host = text
        var port: String?
        if let bracket = text.lastIndex(of: "]") {
            guard text.hasPrefix("["), text.distance(from: text.startIndex, to: bracket) > 2 else { return nil }
            let rest = text[text.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            host = String(text[...bracket])
            guard host.dropFirst().dropLast().utf8.allSatisfy(isAddressByte) else { return nil }
            port = rest.isEmpty ? nil : String(rest.dropFirst())
        } else if let colon = text.firstIndex(of: ":") {
            host = String(text[..<colon])
            port = String(text[text.index(after: colon)...])
        }
        // Nothing escaped, which could hide credentials.
        guard !host.isEmpty, host.hasPrefix("[") || host.utf8.allSatisfy(isNameByte) else { return nil }
        guard let port, !port.isEmpty else { return host }
        guard port.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int(port), (1...65_535).contains(number)
        else { return nil }
        return number == defaultPort ? host : "\(host):\(number)"
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte) || "-._".utf8.contains(byte)
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...102).contains(byte) || ":.".utf8.contains(byte)
    }
}
