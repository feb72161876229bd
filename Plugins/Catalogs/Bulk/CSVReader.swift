import PluginAPI

/// Reads CSV with a header line; an empty cell is `null`.
struct CSVReader: ImportReader {
    private let kind: CatalogKind
    private var splitter = CSVSplitter()
    private var header: CSVHeader?
    private var start: [UInt8]? = []

    /// Starts at the header.
    init(_ kind: CatalogKind) {
        self.kind = kind
    }

    mutating func read(_ bytes: ArraySlice<UInt8>) throws -> [ImportRow] {
        guard var start else { return try rows(splitter.read(bytes)) }
        start += bytes
        // The byte order mark of UTF-8 has three bytes.
        guard start.count >= 3 else {
            self.start = start
            return []
        }
        return try begin(start)
    }

    mutating func end() throws -> [ImportRow]? {
        var rows = try start.map { try begin($0) } ?? []
        if let line = splitter.openQuote { throw Self.refusal(line, "A quote opens in line \(line) and never closes.") }
        rows += try self.rows(splitter.end())
        guard header != nil else { throw Self.refusal(1, "The file has no header line.") }
        return rows.isEmpty ? nil : rows
    }

    /// Takes the beginning of the text.
    private mutating func begin(_ bytes: [UInt8]) throws -> [ImportRow] {
        start = nil
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw Self.refusal(1, "The file is UTF-16; save it as CSV in UTF-8.")
        }
        return try rows(splitter.read(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]))
    }

    private mutating func rows(_ records: [CSVRecord]) throws -> [ImportRow] {
        if let line = splitter.openQuote, splitter.isTooLong {
            throw Self.refusal(
                line, "A quote opens in line \(line) and does not close within \(CSVSplitter.longestRecord) bytes.")
        }
        var rows: [ImportRow] = []
        for record in records {
            if let header {
                rows.append(header.row(kind, record))
            } else {
                let header = try CSVHeader(kind, record)
                self.header = header
                rows += header.unknown.map {
                    ImportRow(line: record.line, key: $0, remark: "No such column; its cells are not read.")
                }
            }
        }
        return rows
    }

    /// 422 for a text that cannot be read on.
    static func refusal(_ line: Int, _ words: String) -> HTTPError {
        BodyForm.refusal([BodyForm.problem("value_error", ["body", .number(JSONNumber(line))], words, [:])])
    }
}

/// The header line of a CSV text: which cell is which field.
private struct CSVHeader: Sendable {
    /// Names that are no field and that no export has.
    let unknown: [String]
    private let columns: [CatalogColumn?]

    /// Reads the header.
    ///
    /// - Throws: ``HTTPError`` 422.
    init(_ kind: CatalogKind, _ record: CSVRecord) throws {
        if let problem = record.problem { throw CSVReader.refusal(record.line, problem) }
        let names = record.cells.map { String(decoding: $0, as: UTF8.self).trimmed }
        guard names.count <= Self.mostColumns else {
            throw CSVReader.refusal(record.line, "The header line has more than \(Self.mostColumns) columns.")
        }
        columns = names.map { kind[$0] }
        let missing = kind.columns.filter { $0.isRequired && !names.contains($0.name) }.map(\.name)
        guard missing.isEmpty else {
            throw CSVReader.refusal(
                record.line,
                "The header line has no column \(missing.joined(separator: ", ")). Columns are separated by commas.")
        }
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 && !name.isEmpty }) {
            throw CSVReader.refusal(record.line, "The header line has the column \(twice) twice.")
        }
        unknown = names.filter { kind[$0] == nil && !Self.exported.contains($0) }
    }

    private static let mostColumns = 1000
    /// What an export has and an import does not take; and a column without a name.
    private static let exported: Set = ["id", "created_at", "updated_at", "installed", ""]

    /// A record as a row.
    func row(_ kind: CatalogKind, _ record: CSVRecord) -> ImportRow {
        if let problem = record.problem { return ImportRow(line: record.line, problem: problem) }
        guard record.cells.count == columns.count else {
            return ImportRow(
                line: record.line,
                problem: "The line has \(record.cells.count) cells and the header line \(columns.count).")
        }
        var values: JSONObject = [:]
        for (column, cell) in zip(columns, record.cells) {
            guard let column else { continue }
            guard let text = String(validating: cell, as: UTF8.self) else {
                return ImportRow(line: record.line, problem: "\(column.name): The cell is not UTF-8.")
            }
            values[column.name] = CSVCell.value(text, column)
        }
        return ImportRow(kind, line: record.line, values: values)
    }
}
