import PluginAPI

/// The fields of a catalog's row that a caller gave, checked: `base_models: null` clears, an absent one is not touched.
struct CatalogFields: Sendable {
    /// What is to be stored, by column; only what was given.
    private(set) var values: JSONObject = [:]

    /// Takes values that are known to be right.
    init(_ kind: CatalogKind, trusted values: JSONObject) {
        self.values = values
        kind.normalise(&self.values)
    }

    /// Checks the fields of a new row, or of one that may be there already.
    ///
    /// - Throws: ``HTTPError`` 422 with all that is wrong.
    init(_ kind: CatalogKind, new form: BodyForm) throws {
        try self.init(kind, form, isNew: true)
    }

    /// Checks the fields of a change; those that cannot be changed are ignored.
    ///
    /// - Throws: ``HTTPError`` 422 with all that is wrong.
    init(_ kind: CatalogKind, change form: BodyForm) throws {
        try self.init(kind, form, isNew: false)
    }

    private init(_ kind: CatalogKind, _ form: BodyForm, isNew: Bool) throws {
        var form = form
        for column in kind.columns where isNew || !column.isImmutable {
            let mustBeThere = isNew && column.isRequired
            guard mustBeThere || form.has(column.name) else { continue }
            let value = Self.read(column, &form, mustBeThere: mustBeThere)
            // `null` where nothing may be missing leaves the field as it was.
            if value.isNull, !column.isNullable { continue }
            values[column.name] = value
        }
        try form.finish()
        kind.normalise(&values)
        for (name, value) in values where value.arrayValue?.isEmpty ?? false { values[name] = .null }
    }

    private static func read(_ column: CatalogColumn, _ form: inout BodyForm, mustBeThere: Bool) -> JSON {
        switch column.kind {
        case .text(let longest), .url(let longest):
            let given = mustBeThere ? form.requiredString(column.name) : form.string(column.name)
            guard let given, form.value(column.name)?.stringValue != nil else { return .null }
            let text = given.trimmed
            if text.isEmpty {
                if !column.isNullable { form.reject(column.name, "String should have at least 1 character") }
                return .null
            }
            if text.unicodeScalars.count > longest {
                form.reject(column.name, "String should have at most \(longest) characters")
            } else if text.utf8.contains(0) {
                form.reject(column.name, "String should have no NUL character")
            } else if case .url = column.kind, let problem = CatalogURL.problem(text) {
                form.reject(column.name, problem)
            }
            return .string(text)
        case .words:
            guard let words = form.strings(column.name) else { return .null }
            let kept = words.map(\.trimmed).filter { !$0.isEmpty }
            if kept.count > CatalogColumn.mostWords {
                form.reject(column.name, "List should have at most \(CatalogColumn.mostWords) items")
            }
            if kept.contains(where: { $0.unicodeScalars.count > CatalogColumn.longestWord || $0.utf8.contains(0) }) {
                form.reject(
                    column.name, "An item should have at most \(CatalogColumn.longestWord) characters and no NUL")
            }
            return .array(kept.map { .string($0) })
        case .moment:
            guard let moment = form.moment(column.name) else { return .null }
            // An offset may lead out of the years that can be written.
            if Timestamp(iso8601: moment.iso8601) == nil {
                form.reject(column.name, "Input should be in years 1 to 9999")
            }
            return .string(moment.iso8601)
        }
    }
}
