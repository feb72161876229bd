/// Checks on `http` and `https` addresses.
enum BaseURL {
    /// What is wrong with a base URL, nil when it is one.
    static func problem(in text: String) -> String? {
        let expected = "expected a URL such as \"http://127.0.0.1:8188\""
        let lowercased = text.lowercased()
        guard let scheme = ["http://", "https://"].first(where: { lowercased.hasPrefix($0) }) else { return expected }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" }
        // A password in a URL would reach logs and links.
        if authority.contains("@") { return "a URL here has no user name or password" }
        guard let host = host(of: authority), !host.isEmpty else { return expected }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !text.contains("?"), !text.contains("#") else {
            return "\(expected), without spaces, query and fragment"
        }
        return nil
    }

    /// The address without the slashes at its end.
    static func trimmed(_ text: String) -> String {
        var text = text
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }

    /// The host of `host`, `host:port` or `[address]:port`, nil when the port is none.
    private static func host(of authority: Substring) -> Substring? {
        var host = authority
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            guard let port = UInt16(authority[authority.index(after: colon)...]), port > 0 else { return nil }
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return ListenAddress.isIPv6(String(host.dropFirst().dropLast())) ? host : nil
        }
        return host.contains(":") ? nil : host
    }
}
