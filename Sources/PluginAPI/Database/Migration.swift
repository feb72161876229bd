/// A step of a plugin's schema, run once and remembered with a checksum; append-only.
public struct Migration: Sendable {
    /// `NNN-what`, unique in the plugin, in the order they run.
    public let id: String
    /// The statements for SQLite.
    public let sqlite: [SQL]
    /// The statements for MySQL.
    public let mysql: [SQL]

    /// A step that is the same for both engines.
    public init(_ id: String, _ statements: SQL...) {
        self.init(id, sqlite: statements, mysql: statements)
    }

    /// A step that differs between the engines.
    public init(_ id: String, sqlite: [SQL], mysql: [SQL]) {
        self.id = id
        self.sqlite = sqlite
        self.mysql = mysql
    }

    /// A step made for each engine from its dialect.
    public init(_ id: String, _ make: (SQLDialect) -> [SQL]) {
        self.init(id, sqlite: make(.sqlite), mysql: make(.mysql))
    }
}
