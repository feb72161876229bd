/// The address of an agent.
enum PushURL {
    /// Why tasks cannot be pushed to an address; `nil` when they can, as far as its form tells.
    static func problem(_ text: String) -> String? {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
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
