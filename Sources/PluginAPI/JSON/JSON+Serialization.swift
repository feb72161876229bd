extension JSON {
    /// Writes the value as UTF-8 text.
    ///
    /// Numbers are written as their literal, members in their order.
    public func serialized(_ style: JSONStyle = .compact) -> [UInt8] {
        var writer = JSONWriter(style: style)
        writer.write(self)
        return writer.bytes
    }

    /// Writes the value as a string.
    public func text(_ style: JSONStyle = .compact) -> String {
        var writer = JSONWriter(style: style)
        writer.write(self)
        return writer.text
    }

    /// Appends the value as UTF-8 text to bytes that are already there.
    public func write(to output: inout [UInt8], style: JSONStyle = .compact) {
        var writer = JSONWriter(style: style)
        writer.write(self)
        writer.append(to: &output)
    }
}
