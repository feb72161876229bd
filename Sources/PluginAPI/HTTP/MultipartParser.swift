/// Takes the bytes of a multipart body in pieces of any size and tells what they mean (RFC 2046 §5.1.1).
struct MultipartParser {
    /// What the bytes so far mean.
    enum Step {
        /// More bytes are needed.
        case more
        /// The header of a new part.
        case header(HTTPFields)
        /// A piece of the part's content, never empty.
        case content([UInt8])
        /// The part's content has ended, and another part follows.
        case partEnd
        /// The last part has ended.
        case end
    }

    private enum Place {
        case preamble
        case header
        /// Before the first byte of a content: the line break that ends the header may also begin a delimiter.
        case contentStart
        case content
        case end
    }

    /// How a place looks at which a delimiter may be.
    private enum Match {
        case no
        case undecided
        /// A delimiter of so many bytes, its line break included; `isLast` means it closes the body.
        case delimiter(length: Int, isLast: Bool)
    }

    /// White space after a boundary, which gateways may add; more of it makes the line a part of the content.
    private static let longestPadding = 64

    private let delimiter: [UInt8]
    private let headerLimit: Int
    /// Those not yet told about begin at ``start``.
    ///
    /// A body may begin with a boundary: as if it had a line break before.
    private var bytes: [UInt8] = [13, 10]
    private var start = 0
    /// Where the search for the end of a header goes on.
    private var searched = 0
    private var place = Place.preamble
    private var isFinished = false

    init(boundary: String, headerLimit: Int) {
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.headerLimit = headerLimit
    }

    /// Whether a part's content has not ended yet.
    var isInContent: Bool { place == .contentStart || place == .content }

    /// Takes more bytes.
    mutating func append(_ piece: [UInt8]) {
        if start == bytes.count {
            bytes = piece
        } else {
            bytes.removeFirst(start)
            bytes += piece
        }
        searched = max(0, searched - start)
        start = 0
    }

    /// Notes that no more bytes come.
    ///
    /// - Throws: ``HTTPError`` 400 when the closing boundary is missing for certain.
    mutating func finish() throws(HTTPError) {
        guard !isFinished else { throw HTTPError.badForm("The form ends before its closing boundary.") }
        isFinished = true
    }

    /// What comes next.
    ///
    /// - Throws: ``HTTPError`` 400, or 413 for a long header.
    mutating func step() throws(HTTPError) -> Step {
        switch place {
        case .preamble, .content: return try scan()
        case .header: return try header()
        case .contentStart:
            switch match(at: start) {
            case .undecided: return .more
            case .delimiter(let length, let isLast): return pass(length, isLast)
            case .no:
                start += 2
                place = .content
                return try step()
            }
        case .end: return .end
        }
    }

    /// Goes on to the next delimiter; before the first part, what is passed means nothing.
    private mutating func scan() throws(HTTPError) -> Step {
        let isContent = place == .content
        var next = start
        while next < bytes.count {
            guard bytes[next] == 13 else {
                next = bytes[next...].firstIndex(of: 13) ?? bytes.count
                continue
            }
            switch match(at: next) {
            case .no: next += 1
            case .undecided:
                if isContent, next > start { return .content(take(upTo: next)) }
                start = next
                return .more
            case .delimiter(let length, let isLast):
                if isContent, next > start { return .content(take(upTo: next)) }
                start = next
                let step = pass(length, isLast)
                return isContent || isLast ? step : try self.step()
            }
        }
        if isContent, next > start { return .content(take(upTo: next)) }
        start = next
        return .more
    }

    private mutating func take(upTo end: Int) -> [UInt8] {
        defer { start = end }
        return start == 0 && end == bytes.count ? bytes : Array(bytes[start..<end])
    }

    private mutating func pass(_ length: Int, _ isLast: Bool) -> Step {
        // A header begins with the line break of its delimiter, so that an empty one ends as others do.
        start += isLast ? length : length - 2
        searched = start
        place = isLast ? .end : .header
        return isLast ? .end : .partEnd
    }

    /// Whether a delimiter begins at an index.
    private func match(at index: Int) -> Match {
        let known = min(delimiter.count, bytes.count - index)
        for offset in 0..<known where bytes[index + offset] != delimiter[offset] { return .no }
        guard known == delimiter.count else { return isFinished ? .no : .undecided }
        var end = index + known
        var isLast = false
        if bytes[end...].starts(with: "--".utf8) {
            isLast = true
            end += 2
        } else if bytes.count - end < 2, bytes[end...].allSatisfy({ $0 == UInt8(ascii: "-") }), !isFinished {
            return .undecided
        }
        let padded = end
        while end < bytes.count, [0x20, 0x09].contains(bytes[end]), end - padded < Self.longestPadding { end += 1 }
        if bytes[end...].starts(with: [13, 10]) { return .delimiter(length: end + 2 - index, isLast: isLast) }
        guard end == bytes.count || (bytes[end] == 13 && end + 1 == bytes.count) else { return .no }
        guard isFinished else { return .undecided }
        // The closing line may be the last one without a line break.
        return isLast && end == bytes.count ? .delimiter(length: end - index, isLast: true) : .no
    }

    /// Reads header lines up to the empty one.
    private mutating func header() throws(HTTPError) -> Step {
        let end = emptyLine()
        // Of an empty line that has not come whole, three bytes may be here.
        guard (end ?? bytes.count - 3) - start <= headerLimit else {
            throw HTTPError.formTooLarge("The header of a part is longer than \(headerLimit) bytes.")
        }
        guard let end else { return .more }
        let header = String(decoding: bytes[start..<end], as: UTF8.self)
        // The empty line stays: it may begin a delimiter.
        start = end + 2
        place = .contentStart
        return .header(try Self.fields(header))
    }

    /// Where two line breaks follow each other; looks at no byte twice.
    private mutating func emptyLine() -> Int? {
        while true {
            searched = bytes[searched...].firstIndex(of: 13) ?? bytes.count
            guard searched + 3 < bytes.count else { return nil }
            if bytes[searched...].starts(with: [13, 10, 13, 10]) { return searched }
            searched += 1
        }
    }

    private static func fields(_ header: String) throws(HTTPError) -> HTTPFields {
        var fields: [HTTPFields.Field] = []
        for line in header.split(separator: "\r\n") {
            if line.utf8.first == 0x20 || line.utf8.first == 0x09, let last = fields.popLast() {
                // A folded line goes on with the one before it.
                fields.append(HTTPFields.Field(name: last.name, value: last.value + " " + trimmed(line)))
            } else if let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) {
                let value = trimmed(line[line.utf8.index(after: colon)...])
                fields.append(HTTPFields.Field(name: String(line[..<colon]), value: value))
            } else {
                throw HTTPError.badForm("A header line of a part has no colon.")
            }
        }
        guard fields.allSatisfy({ HTTPFields.isValid(name: $0.name) && HTTPFields.isValid(value: $0.value) }) else {
            throw HTTPError.badForm("A header line of a part is not valid.")
        }
        return HTTPFields(fields)
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.utf8
        while let first = text.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return String(Substring(text))
    }
}
