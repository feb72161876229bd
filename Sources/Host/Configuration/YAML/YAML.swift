/// Reads YAML into JSON values that know their line.
///
/// The scalars follow the core schema of YAML 1.2, restricted to what loses no text: `true` and `false` are booleans
/// (`yes`, `no`, `on`, `off` are text), numbers are what JSON calls a number and keep their literal, `null`, `~` and
/// nothing are null. All else, `007` and `0x1F` too, and every quoted scalar is text.
///
/// Anchors and aliases work within the limits below. Refused are merge keys (`<<`), tags other than the standard ones,
/// keys that are no scalars, a key given twice, and more than one document.
package enum YAML {
    /// How deep collections may be nested, aliases expanded.
    package static let maximumDepth = 64
    /// How many nodes there may be, aliases expanded; the bound against "billion laughs".
    package static let maximumNodes = 100_000

    /// Parses one document; `file` is its name in problems.
    ///
    /// - Throws: ``YAMLProblem`` with line and column. An empty text is null.
    package static func parse(_ text: String, file: String) throws(YAMLProblem) -> YAMLNode {
        var composer = YAMLComposer(events: try YAMLEventReader(text, file: file))
        return try composer.document()
    }
}

/// A place in a YAML text.
package struct YAMLMark: Sendable, Hashable {
    /// Code points before the place.
    package var index: Int
    /// The line, from 1.
    package var line: Int
    /// The column in code points, from 1.
    package var column: Int
}

/// Why and where a text is not the YAML that was asked for.
package struct YAMLProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The name of the file.
    package var file: String
    /// The line, from 1.
    package var line: Int
    /// The column in code points, from 1.
    package var column: Int
    /// What is wrong, in lower case and without a final period.
    package var message: String

    /// Such as `comfyd.yaml:12:5: key "url" is given twice`.
    package var description: String { "\(file):\(line):\(column): \(message)" }
}
