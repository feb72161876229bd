/// One record of a CSV text.
struct CSVRecord: Sendable {
    /// The line on which it begins, from 1.
    let line: Int
    /// Its cells, without quotes.
    let cells: [[UInt8]]
    /// Why it cannot be used; `nil` when it can.
    let problem: String?
}

/// Splits a CSV text into records as its bytes come (RFC 4180).
///
/// Lines end with CRLF, LF or CR. A quote within a cell that does not begin with one is an ordinary character.
struct CSVSplitter: Sendable {
    /// The longest record in bytes; a longer one is skipped.
    static let longestRecord = 1 << 20

    private enum Place {
        case cellStart
        case plain
        case quoted
        case afterQuote
    }

    private var place = Place.cellStart
    private var cells: [[UInt8]] = []
    private var cell: [UInt8] = []
    private var size = 0
    private var problem: String?
    private var line = 1
    private var firstLine = 1
    private var isAfterReturn = false

    /// The line of the record whose quotes are open; `nil` when none are.
    var openQuote: Int? { place == .quoted ? firstLine : nil }

    /// Whether what is in quotes has become longer than any record may be.
    var isTooLong: Bool { size > Self.longestRecord }

    /// Takes the next bytes and gives the records that are complete.
    mutating func read(_ bytes: ArraySlice<UInt8>) -> [CSVRecord] {
        var records: [CSVRecord] = []
        for byte in bytes {
            defer { isAfterReturn = byte == Self.carriageReturn && place != .quoted }
            if byte == Self.lineFeed, isAfterReturn { continue }
            if place != .quoted, byte == Self.lineFeed || byte == Self.carriageReturn {
                endRecord(&records)
            } else {
                take(byte)
            }
        }
        return records
    }

    /// Gives the last record when no line end follows it.
    mutating func end() -> [CSVRecord] {
        var records: [CSVRecord] = []
        if size > 0 || !cells.isEmpty { endRecord(&records) }
        return records
    }

    private mutating func take(_ byte: UInt8) {
        size += 1
        if byte == Self.lineFeed { line += 1 }
        switch (place, byte) {
        case (.cellStart, Self.quote): place = .quoted
        case (.quoted, Self.quote): place = .afterQuote
        case (.afterQuote, Self.quote):
            append(byte)
            place = .quoted
        case (.cellStart, Self.comma), (.plain, Self.comma), (.afterQuote, Self.comma): endCell()
        case (.afterQuote, _):
            problem = "There is text after the closing quote of cell \(cells.count + 1)."
            place = .plain
        case (.cellStart, _):
            append(byte)
            place = .plain
        default: append(byte)
        }
    }

    private mutating func append(_ byte: UInt8) {
        if isTooLong {
            cell = []
        } else {
            cell.append(byte)
        }
    }

    private mutating func endCell() {
        if !isTooLong { cells.append(cell) }
        cell = []
        place = .cellStart
    }

    private mutating func endRecord(_ records: inout [CSVRecord]) {
        if isTooLong { problem = "The line is longer than \(Self.longestRecord) bytes." }
        // An empty line is no record; an empty cell in quotes is one.
        if size > 0 {
            endCell()
            records.append(CSVRecord(line: firstLine, cells: problem == nil ? cells : [], problem: problem))
        }
        (cells, size, problem, place) = ([], 0, nil, .cellStart)
        line += 1
        firstLine = line
    }

    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
}
