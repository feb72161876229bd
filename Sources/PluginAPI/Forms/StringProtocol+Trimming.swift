extension StringProtocol {
    /// The text without white space at its ends.
    public var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }

    /// The beginning of the text, at most so many code points: one character may have any number of them.
    public func firstCodePoints(_ count: Int) -> String {
        var beginning = String.UnicodeScalarView()
        beginning.append(contentsOf: unicodeScalars.prefix(count))
        return String(beginning)
    }
}
