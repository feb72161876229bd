internal import PluginAPI

/// Finds the texts of a JSON body that could be names of files, without parsing it.
enum GraphNames {
    /// The names in a body of `POST /prompt`, each once.
    ///
    /// Looks at every text that is a value, also outside the graph: one name too many costs an upload, nothing else.
    static func scan(_ body: [UInt8]) -> Set<InputName> {
        var names: Set<InputName> = []
        body.withUnsafeBufferPointer { bytes in
            var place = 0
            while let start = next(in: bytes, from: place) {
                guard let (end, isEscaped) = end(of: start, in: bytes) else { return }
                place = end + 1
                guard end - start - 1 <= InputName.longestInGraph * (isEscaped ? 6 : 1), end > start + 1,
                    !isKey(bytes, after: place)
                else { continue }
                if let name = text(bytes[start...end], isEscaped: isEscaped).flatMap({ InputName(inGraph: $0) }) {
                    names.insert(name)
                }
            }
        }
        return names
    }

    private static let quote = UInt8(ascii: "\"")

    private static func next(in bytes: UnsafeBufferPointer<UInt8>, from place: Int) -> Int? {
        bytes[place...].firstIndex(of: quote)
    }

    /// Where the text ends that begins with the quotation mark at `start`.
    private static func end(of start: Int, in bytes: UnsafeBufferPointer<UInt8>) -> (Int, isEscaped: Bool)? {
        var place = start + 1
        var isEscaped = false
        while place < bytes.count {
            let byte = bytes[place]
            if byte == quote { return (place, isEscaped) }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                place += 1
            }
            place += 1
        }
        return nil
    }

    private static func isKey(_ bytes: UnsafeBufferPointer<UInt8>, after place: Int) -> Bool {
        bytes[place...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: ":")
    }

    /// The text between two quotation marks.
    private static func text(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, isEscaped: Bool) -> String? {
        guard isEscaped else { return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self) }
        return (try? JSON(parsing: Array(bytes)))?.stringValue
    }
}
