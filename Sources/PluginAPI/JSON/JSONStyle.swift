/// How a JSON value is laid out when it is written.
public struct JSONStyle: Sendable, Hashable {
    enum Layout: Sendable, Hashable {
        case compact
        case spaced
        case pretty
    }

    let layout: Layout

    /// No white space; only quotes, backslashes and control characters are escaped.
    public static let compact = JSONStyle(layout: .compact)

    /// The style of Python's `json.dumps`: `", "` and `": "` between values, all but printable ASCII escaped.
    public static let spaced = JSONStyle(layout: .spaced)

    /// One member or element per line, indented by two spaces per level; escapes as in the compact style.
    public static let pretty = JSONStyle(layout: .pretty)
}
