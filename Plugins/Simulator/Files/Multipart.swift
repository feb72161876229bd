internal import PluginAPI

/// Reads `multipart/form-data` bodies (RFC 7578) that are already in memory.
struct Multipart: Sendable {
    /// One field.
    struct Part: Sendable {
        var name: String
        /// Absent for plain fields.
        var filename: String?
        var content: ArraySlice<UInt8>
    }

    /// More fields than this are refused.
    private static let maximumParts = 1000

    let parts: [Part]

    /// The first field of a name.
    subscript(name: String) -> Part? {
        parts.first { $0.name == name }
    }

    /// The text of a plain field.
    func text(_ name: String) -> String? {
        self[name].map { String(decoding: $0.content, as: UTF8.self) }
    }

    /// Reads a body; one of another type has no fields.
    ///
    /// - Throws: The exception that the real server answers with 500 when the body is broken.
    init(_ body: [UInt8], contentType: String?) throws(PythonError) {
        guard let contentType, contentType.lowercased().hasPrefix("multipart/form-data") else {
            parts = []
            return
        }
        guard let boundary = Self.parameter("boundary", of: contentType), !boundary.isEmpty else {
            throw Self.broken
        }
        parts = try Self.parts(of: body, Array("--\(boundary)".utf8))
    }

    private static var broken: PythonError { PythonError("ValueError", "malformed multipart body") }

    private static func parts(of body: [UInt8], _ delimiter: [UInt8]) throws(PythonError) -> [Part] {
        guard var place = find(delimiter, in: body, from: 0) else { throw broken }
        var parts: [Part] = []
        let next = [13, 10] + delimiter
        while true {
            place += delimiter.count
            if body[place...].starts(with: "--".utf8) { return parts }
            guard body[place...].starts(with: [13, 10]), parts.count < maximumParts,
                let blank = find([13, 10, 13, 10], in: body, from: place),
                // An empty field follows the blank line at once, so that its end overlaps it.
                let end = find(next, in: body, from: blank + 2)
            else { throw broken }
            let start = min(blank + 4, end)
            let head = String(decoding: body[place + 2..<max(place + 2, blank)], as: UTF8.self)
            if let part = part(head, body[max(start, min(start, end))..<max(start, end)]) { parts.append(part) }
            place = end + 2
        }
    }

    private static func part(_ head: String, _ content: ArraySlice<UInt8>) -> Part? {
        for line in head.split(separator: "\r\n") {
            guard let colon = line.firstIndex(of: ":"), HTTPFields.same(String(line[..<colon]), "content-disposition")
            else { continue }
            let value = String(line[line.index(after: colon)...])
            guard let name = parameter("name", of: value) else { return nil }
            return Part(name: name, filename: parameter("filename", of: value), content: content)
        }
        return nil
    }

    /// A parameter of a header value, quoted or not.
    static func parameter(_ name: String, of value: String) -> String? {
        var rest = value[...]
        while let semicolon = rest.firstIndex(of: ";") {
            rest = rest[rest.index(after: semicolon)...].drop { $0 == " " }
            guard let equals = rest.firstIndex(of: "=") else { return nil }
            let key = String(rest[..<equals])
            rest = rest[rest.index(after: equals)...]
            var text = ""
            if rest.first == "\"" {
                rest.removeFirst()
                while let character = rest.popFirst(), character != "\"" {
                    text.append(character == "\\" ? rest.popFirst() ?? "\\" : character)
                }
            } else {
                text = String(rest.prefix { $0 != ";" })
            }
            if HTTPFields.same(key, name) { return text }
        }
        return nil
    }

    private static func find(_ needle: [UInt8], in body: [UInt8], from start: Int) -> Int? {
        guard let first = needle.first, start >= 0, body.count - needle.count >= start else { return nil }
        return body.withUnsafeBufferPointer { bytes in
            var place = start
            let end = bytes.count - needle.count
            while place <= end {
                if bytes[place] == first, needle.indices.allSatisfy({ bytes[place + $0] == needle[$0] }) {
                    return place
                }
                place += 1
            }
            return nil
        }
    }
}
