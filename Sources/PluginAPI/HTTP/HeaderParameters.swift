/// A header value with parameters: `form-data; name="file"; filename="x.png"` (RFC 9110 §5.6.6).
///
/// Forgives what clients really send: a backslash that escapes nothing, as in paths of Windows, stays.
public struct HeaderParameters: Sendable {
    /// What is before the first semicolon.
    public let value: String
    private var parameters: [(name: String, value: String)] = []

    /// Reads a value; what is malformed is left out.
    public init(_ text: String) {
        let bytes = Array(text.utf8)
        var place = 0
        func skipSpace() { while place < bytes.count, [0x20, 0x09].contains(bytes[place]) { place += 1 } }
        func word(until stops: [UInt8]) -> String {
            let start = place
            while place < bytes.count, !stops.contains(bytes[place]) { place += 1 }
            let end = bytes[start..<place].lastIndex { ![0x20, 0x09].contains($0) }.map { $0 + 1 } ?? start
            return String(decoding: bytes[start..<end], as: UTF8.self)
        }
        skipSpace()
        value = word(until: [Self.semicolon])
        while place < bytes.count {
            place += 1
            skipSpace()
            let name = word(until: [Self.semicolon, UInt8(ascii: "=")])
            guard place < bytes.count, bytes[place] != Self.semicolon else { continue }
            place += 1
            skipSpace()
            if place < bytes.count, bytes[place] == Self.quote {
                parameters.append((name, Self.quoted(bytes, &place)))
                _ = word(until: [Self.semicolon])
            } else {
                parameters.append((name, word(until: [Self.semicolon])))
            }
        }
    }

    private static let semicolon = UInt8(ascii: ";")
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")

    /// Reads the quoted text that begins at a place.
    private static func quoted(_ bytes: [UInt8], _ place: inout Int) -> String {
        var text: [UInt8] = []
        place += 1
        while place < bytes.count, bytes[place] != quote {
            // Only what needs an escape is taken for one.
            if bytes[place] == backslash, place + 1 < bytes.count, [quote, backslash].contains(bytes[place + 1]) {
                place += 1
            }
            text.append(bytes[place])
            place += 1
        }
        if place < bytes.count { place += 1 }
        return String(decoding: text, as: UTF8.self)
    }

    /// The first parameter of a name, which compares without case.
    public subscript(name: String) -> String? {
        parameters.first { HTTPFields.same($0.name, name) }?.value
    }
}

/// What the `Content-Disposition` of a form's part says (RFC 7578 §4.2).
struct PartDisposition {
    let name: String
    let filename: String?

    /// - Throws: ``HTTPError`` 400 when it is missing or has no name, and for a content that is encoded.
    init(_ headers: HTTPFields) throws(HTTPError) {
        guard let disposition = headers["content-disposition"].map({ HeaderParameters($0) }),
            HTTPFields.same(disposition.value, "form-data"), let name = disposition["name"]
        else { throw HTTPError.badForm("A part has no Content-Disposition of a form with a name.") }
        if let coding = headers["content-transfer-encoding"],
            !["7bit", "8bit", "binary"].contains(where: { HTTPFields.same($0, coding) })
        {
            throw HTTPError.badForm("A part has a Content-Transfer-Encoding.")
        }
        self.name = Self.unescaped(name)
        filename = disposition["filename*"].flatMap(Self.extended) ?? disposition["filename"].map(Self.unescaped)
    }

    /// Undoes what browsers do with the three characters that would end a quoted text or a line: `%22`, `%0D`, `%0A`.
    private static func unescaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"),
                let (_, character) = escapes.first(where: { rest.starts(with: $0.code.utf8) })
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(character)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let escapes: [(code: String, character: UInt8)] = [
        ("22", UInt8(ascii: "\"")), ("0D", 13), ("0d", 13), ("0A", 10), ("0a", 10),
    ]

    /// Reads `UTF-8'en'%E2%82%AC.png` (RFC 8187); `nil` when it is something else.
    private static func extended(_ text: String) -> String? {
        let parts = text.utf8.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, HTTPFields.same(String(Substring(parts[0])), "utf-8") else { return nil }
        let name = PercentEncoding.decode(Substring(parts[2]))
        return name.isEmpty ? nil : name
    }
}
