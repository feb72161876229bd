import PluginAPI

/// Reads one JSON object a line; empty lines do not count.
struct JSONLinesReader: ImportReader {
    /// The longest line in bytes; a longer one is skipped.
    static let longestLine = 1 << 20

    private let kind: CatalogKind
    private var pending: [UInt8] = []
    private var line = 1
    private var isTooLong = false

    /// Starts at the first line.
    init(_ kind: CatalogKind) {
        self.kind = kind
    }

    mutating func read(_ bytes: ArraySlice<UInt8>) -> [ImportRow] {
        var rows: [ImportRow] = []
        var rest = bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            take(rest[..<end])
            endLine(&rows)
            rest = rest[(end + 1)...]
        }
        take(rest)
        return rows
    }

    mutating func end() -> [ImportRow]? {
        var rows: [ImportRow] = []
        endLine(&rows)
        return rows.isEmpty ? nil : rows
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        if pending.count + bytes.count > Self.longestLine { isTooLong = true }
        if isTooLong {
            pending = []
        } else {
            pending += bytes
        }
    }

    private mutating func endLine(_ rows: inout [ImportRow]) {
        defer {
            pending.removeAll(keepingCapacity: true)
            isTooLong = false
            line += 1
        }
        if isTooLong {
            rows.append(ImportRow(line: line, problem: "The line is longer than \(Self.longestLine) bytes."))
        } else if pending.contains(where: { $0 > 0x20 }) {
            rows.append(row())
        }
    }

    private func row() -> ImportRow {
        let value: JSON
        do {
            value = try JSON(parsing: pending)
        } catch {
            return ImportRow(line: line, problem: "The line is not JSON: \(error.message) at column \(error.column).")
        }
        guard let values = value.objectValue else {
            return ImportRow(line: line, problem: "The line is no JSON object.")
        }
        return ImportRow(kind, line: line, values: values)
    }
}
