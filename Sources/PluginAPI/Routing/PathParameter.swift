/// A value that a path segment can be turned into.
public protocol PathParameter: Sendable {
    /// Takes the decoded segment; `nil` is answered with 404.
    init?(pathComponent: String)
    /// The JSON schema of the parameter, for OpenAPI.
    static var schema: JSON { get }
}

extension String: PathParameter {
    /// Any segment.
    public init?(pathComponent: String) { self = pathComponent }
    /// `{"type": "string"}`.
    public static var schema: JSON { ["type": "string"] }
}

extension Int: PathParameter {
    /// A decimal integer.
    public init?(pathComponent: String) { self.init(pathComponent, radix: 10) }
    /// `{"type": "integer"}`.
    public static var schema: JSON { ["type": "integer"] }
}
