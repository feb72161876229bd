/// What was done to a row.
enum AuditAction: String, Sendable, CaseIterable {
    /// It is new.
    case create
    /// It was changed.
    case update
    /// It is gone.
    case delete
}
