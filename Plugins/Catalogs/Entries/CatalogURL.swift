/// Where a file or a repository is: an address that a browser, git or an agent can use.
enum CatalogURL {
    /// Why a text is no such address; `nil` when it is one.
    ///
    /// Schemes are an open set (`https`, `git+ssh`, `oss`, `hf` …), but none that a page showing it would execute.
    static func problem(_ text: String) -> String? {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            return "Input should be an address without white space"
        }
        // `git@github.com:owner/repository.git`, as git takes it.
        let beforeColon = text.prefix { $0 != ":" }
        if beforeColon.contains("@"), !beforeColon.contains("/") {
            let isWhole = beforeColon.first != "@" && beforeColon.last != "@" && text.count > beforeColon.count + 1
            return isWhole ? nil : "Input should be an address such as git@example.com:owner/repository.git"
        }
        let isScheme =
            beforeColon.first?.isLetter ?? false
            && beforeColon.utf8.allSatisfy { byte in
                byte < 0x80 && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber)
                    || "+-.".utf8.contains(byte)
            }
        guard isScheme, text.dropFirst(beforeColon.count).hasPrefix("://"), text.count > beforeColon.count + 3 else {
            return "Input should be an address such as https://example.com/file"
        }
        return refusedSchemes.contains(beforeColon.lowercased()) ? "Addresses of this scheme are not taken" : nil
    }

    private static let refusedSchemes: Set = ["javascript", "data", "vbscript", "file"]
}
