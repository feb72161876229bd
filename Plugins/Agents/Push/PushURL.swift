import PluginAPI

/// The address of an agent, or any other that paths are put behind.
enum PushURL {
    /// The address without white space around it and slashes at its end.
    static func trimmed(_ text: String) -> String {
        var text = text.trimmed
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }

    /// Why tasks cannot be pushed to an address; `nil` when they can, as far as its form tells.
    static func problem(_ text: String) -> String? {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            return "Input should be an http or https URL without white space"
        }
        let lower = text.lowercased()
        guard let scheme = ["http://", "https://"].first(where: lower.hasPrefix) else {
            return "Input should be an http or https URL"
        }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, !authority.hasPrefix(":") else { return "The URL has no host" }
        guard !authority.contains("@") else { return "The URL should have no user name and password" }
        guard !rest.contains("?"), !rest.contains("#") else { return "The URL should have no query and no fragment" }
        return problem(ofAuthority: authority)
    }

    /// What the daemon's client would not take, said before it is asked.
    private static func problem(ofAuthority authority: Substring) -> String? {
        let isLiteral = authority.hasPrefix("[")
        let host = isLiteral ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        let port = authority.dropFirst(host.count + (isLiteral ? 2 : 0))
        if isLiteral {
            guard authority.dropFirst(host.count + 1).hasPrefix("]"), host.contains(":"), IPAddress(String(host)) != nil
            else {
                return "The URL's host should be an IPv6 address without a zone"
            }
        } else if !host.allSatisfy({ $0.isLetter || $0.isNumber || "-._".contains($0) }) {
            return "The URL's host should be a name or an address"
        }
        guard !port.isEmpty else { return nil }
        let number = UInt16(port.dropFirst())
        guard port.hasPrefix(":"), port.dropFirst().allSatisfy(\.isNumber), let number, number > 0 else {
            return "The URL's port should be a number from 1 to 65535"
        }
        return nil
    }

    /// The host of an address without a ``problem(_:)``, in lower case and without brackets.
    static func host(of text: String) -> String {
        let rest = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).dropFirst(2).first ?? ""
        let authority = rest.prefix { $0 != "/" }
        guard !authority.hasPrefix("[") else {
            return authority.dropFirst().prefix { $0 != "]" }.lowercased()
        }
        return authority.prefix { $0 != ":" }.lowercased()
    }
}
