import PluginAPI

extension BodyForm {
    /// A text without white space at its ends; absent, null and empty give `nil`.
    ///
    /// - Parameter longest: The most characters (code points) it may have.
    mutating func text(_ key: String, longest: Int) -> String? {
        guard let text = string(key)?.trimmed, !text.isEmpty else { return nil }
        if text.unicodeScalars.count > longest {
            reject(key, "String should have at most \(longest) characters")
        } else if text.utf8.contains(0) {
            reject(key, "String should have no NUL character")
        }
        return text
    }

    /// The address of a manifest; absent, null and empty give `nil`.
    mutating func manifestURL(_ key: String) -> String? {
        let url = text(key, longest: 2048)
        if let scheme = url?.lowercased(), !scheme.hasPrefix("http://"), !scheme.hasPrefix("https://") {
            reject(key, "Input should be an http or https URL")
        }
        return url
    }

    /// A number as it came; absent and null give `nil`, and so does what is no number.
    mutating func number(_ key: String) -> JSON? {
        guard let value = value(key), !value.isNull else { return nil }
        if value.doubleValue != nil { return value }
        reject(key, "Input should be a valid number")
        return nil
    }
}
