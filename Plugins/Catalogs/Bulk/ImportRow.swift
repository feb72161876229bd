import PluginAPI

/// One row of an import, read and checked.
struct ImportRow: Sendable {
    /// What a row holds, or why it is skipped.
    enum Content: Sendable {
        /// Its fields.
        case fields(CatalogFields)
        /// Why it is no row.
        case problem(String)
        /// Something to be told that is about no single row.
        case remark(String)
    }

    /// Its line in the body, from 1.
    let line: Int
    /// What people call it; empty when that is not known.
    let key: String
    /// What it holds.
    let content: Content
    /// Whether it only changes what is there; without such a row it is skipped.
    let isChange: Bool

    /// A row that is skipped.
    init(line: Int, key: String = "", problem: String) {
        self.line = line
        self.key = key
        content = .problem(problem)
        isChange = false
    }

    /// Something that is about no single row.
    init(line: Int, key: String, remark: String) {
        self.line = line
        self.key = key
        content = .remark(remark)
        isChange = false
    }

    /// Checks the values of a row, or those that change one.
    init(_ kind: CatalogKind, line: Int, values: JSONObject, isChange: Bool = false) {
        self.line = line
        self.isChange = isChange
        key = kind.key.compactMap { values[$0]?.stringValue }.filter { !$0.isEmpty }.joined(separator: "/")
        do {
            let form = BodyForm(values)
            content = .fields(
                isChange ? try CatalogFields(kind, change: form) : try CatalogFields(kind, new: form))
        } catch let error as HTTPError {
            content = .problem(Self.reason(error))
        } catch {
            content = .problem("\(error)")
        }
    }

    /// The most reasons that are told of one row.
    private static let mostReasons = 10

    /// The words of a refusal, without the place `body` that all of them have.
    private static func reason(_ error: HTTPError) -> String {
        let reasons = (error.details?.arrayValue ?? []).prefix(mostReasons).map { problem in
            let place = (problem["loc"]?.arrayValue ?? []).dropFirst().map { $0.stringValue ?? $0.text() }
            return place.joined(separator: ".") + ": " + (problem["msg"]?.stringValue ?? "")
        }
        return reasons.isEmpty ? error.message : reasons.joined(separator: "; ")
    }
}
