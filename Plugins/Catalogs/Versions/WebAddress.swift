/// An `http` or `https` address, taken apart so that two of them can be compared.
struct WebAddress: Sendable, Equatable {
    /// Whether TLS is spoken.
    let isSecure: Bool
    /// Host and port in lower case; the scheme's own port is left out.
    let authority: String
    /// Path and query, as written.
    let target: String

    /// The whole address.
    var text: String { (isSecure ? "https://" : "http://") + authority + target }

    /// The segments of the path, without empty ones.
    var segments: [Substring] {
        target.prefix { $0 != "?" }.split(separator: "/")
    }

    /// Reads an address; `nil` for other schemes, for user names in it, and for what readers could understand differently.
    init?(_ text: String) {
        guard text.utf8.count <= Self.longest, let colon = text.firstIndex(of: ":") else { return nil }
        switch text[..<colon].lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: return nil
        }
        let rest = text[text.index(after: colon)...]
        guard rest.hasPrefix("//") else { return nil }
        let place = rest.dropFirst(2).prefix { $0 != "#" }
        let authority = place.prefix { $0 != "/" && $0 != "?" }
        let target = place.dropFirst(authority.count)
        guard let normal = Self.normal(authority, isSecure: isSecure), target.utf8.allSatisfy(Self.isTargetByte) else {
            return nil
        }
        self.authority = normal
        self.target = String(target)
    }

    /// Where a `Location` leads (RFC 9110 §10.2.2): an address, or a path of the same host; `nil` when it is neither.
    func following(_ location: String) -> WebAddress? {
        let scheme = isSecure ? "https:" : "http:"
        if location.hasPrefix("//") { return WebAddress(scheme + location) }
        if location.hasPrefix("/") { return WebAddress("\(scheme)//\(authority)\(location)") }
        return WebAddress(location)
    }

    private static let longest = 4096

    private static func normal(_ authority: Substring, isSecure: Bool) -> String? {
        let parts = authority.lowercased().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, host.utf8.allSatisfy(isHostByte) else { return nil }
        guard parts.count > 1 else { return String(host) }
        guard let port = UInt16(parts[1]), port > 0, parts[1].utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return port == (isSecure ? 443 : 80) ? String(host) : "\(host):\(port)"
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte) || "-._".utf8.contains(byte)
    }

    private static func isTargetByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\\")
    }
}
