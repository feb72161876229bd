import PluginAPI

/// The body of a new manifest or of a change; absent keys change nothing.
struct ManifestForm: Sendable {
    private let changes: [@Sendable (inout Manifest) -> Void]

    /// Checks a body.
    ///
    /// - Throws: ``HTTPError`` 422 with all that is wrong.
    init(_ body: BodyForm, isNew: Bool) throws {
        var form = body
        var changes: [@Sendable (inout Manifest) -> Void] = []
        if let role = Self.name("role", &form, isNew: isNew) { changes.append { $0.role = role } }
        if let version = Self.name("version", &form, isNew: isNew) { changes.append { $0.version = version } }
        if let status = form.text("status", longest: 32) { changes.append { $0.status = status } }
        if form.has("downloadUrl") {
            let url = form.manifestURL("downloadUrl")
            changes.append { $0.downloadURL = url }
        }
        if form.has("content") {
            let content = form.object("content")
            changes.append { $0.content = content }
        }
        if form.has("notes") {
            let notes = form.text("notes", longest: 20_000)
            changes.append { $0.notes = notes }
        }
        try form.finish()
        self.changes = changes
    }

    /// A text that a new manifest must have; in a change, absent, null and empty give `nil`.
    private static func name(_ key: String, _ form: inout BodyForm, isNew: Bool) -> String? {
        if let text = form.text(key, longest: 64) { return text }
        guard isNew else { return nil }
        if form.value(key)?.stringValue != nil {
            form.reject(key, "String should have at least 1 character")
        } else if form.value(key)?.isNull ?? true {
            _ = form.requiredString(key)
        }
        return nil
    }

    /// Applies what was given.
    func apply(to manifest: inout Manifest) {
        for change in changes { change(&manifest) }
    }
}
