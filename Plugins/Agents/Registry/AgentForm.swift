import PluginAPI

/// The body of a new agent or of a change; absent keys change nothing, `null` clears what may be empty.
struct AgentForm: Sendable {
    /// The id of a new agent, or what a change says it is.
    let id: String?
    private let changes: [@Sendable (inout AgentRecord.Decision) -> Void]

    /// Checks a body.
    ///
    /// - Throws: ``HTTPError`` 422 with all that is wrong.
    init(_ body: BodyForm, isNew: Bool) throws {
        var form = body
        let given = isNew ? form.requiredString("id") : form.string("id")
        if let given, isNew, form.value("id")?.stringValue != nil, !Self.isUsable(given) {
            form.reject("id", "Input should be 1 to 64 letters, digits, dots, hyphens or underscores, not dots alone")
        }
        id = given
        var changes: [@Sendable (inout AgentRecord.Decision) -> Void] = []
        for (key, path, longest) in Self.texts where form.has(key) {
            let text = form.text(key, longest: longest)
            changes.append { $0[keyPath: path.value] = text }
        }
        if form.has("baseUrl") {
            let url = form.text("baseUrl", longest: 1024)
            if let url, let problem = PushURL.problem(url) { form.reject("baseUrl", problem) }
            changes.append { $0.baseURL = url }
        }
        if let status = form.text("status", longest: 32) { changes.append { $0.status = status } }
        if let allowed = form.bool("allowed") { changes.append { $0.allowed = allowed } }
        if form.has("config") {
            let config = form.object("config")
            changes.append { $0.config = config }
        }
        try form.finish()
        self.changes = changes
    }

    /// Applies what was given.
    func apply(to decision: inout AgentRecord.Decision) {
        for change in changes { change(&decision) }
    }

    private struct Field: Sendable {
        let value: any WritableKeyPath<AgentRecord.Decision, String?> & Sendable
    }

    private static let texts: [(key: String, path: Field, longest: Int)] = [
        ("name", Field(value: \.name), 128), ("role", Field(value: \.role), 64), ("host", Field(value: \.host), 128),
    ]

    private static func isUsable(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count) && !PathName.isDots(id)
            && id.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.".utf8.contains(byte)
            }
    }
}
