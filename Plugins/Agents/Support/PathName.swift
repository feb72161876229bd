/// What a text must not have that agents put into the path of a URL as it is.
enum PathName {
    /// Whether clients would take the text for a step up or down in a path.
    static func isDots(_ text: String) -> Bool { text == "." || text == ".." }

    /// Whether agents reach what has the text for its name: most of them escape nothing.
    static func isUsable(_ text: String) -> Bool {
        !isDots(text)
            && text.unicodeScalars.allSatisfy { scalar in
                scalar.value > 0x20 && scalar.value != 0x7F && !scalar.properties.isWhitespace
                    && !"/\\?#%".unicodeScalars.contains(scalar)
            }
    }
}
