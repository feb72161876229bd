import PluginAPI

/// What a request wants of a file: `Range: bytes=…` with one range (RFC 9110 §14.2).
enum ByteRange: Equatable {
    /// All of it: there is no such header, or one that is not understood, has several ranges, or depends on a version.
    case whole
    /// These bytes.
    case part(Range<Int>)
    /// Bytes that the file does not have.
    case outside

    /// Reads a request for a file of a size in bytes.
    init(_ headers: HTTPFields, size: Int) {
        self = .whole
        guard let text = headers["Range"], !headers.contains("If-Range") else { return }
        let parts = text.utf8.split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false)
        guard parts.count == 2, HTTPFields.same(String(Substring(parts[0])), "bytes") else { return }
        let ends = parts[1].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count == 2 else { return }
        switch (Self.number(ends[0]), Self.number(ends[1])) {
        case (let first?, let last?):
            guard first <= last else { return }
            self = first < size ? .part(first..<min(last, size - 1) + 1) : .outside
        case (let first?, nil) where ends[1].isEmpty: self = first < size ? .part(first..<size) : .outside
        case (nil, let count?) where ends[0].isEmpty:
            self = count > 0 && size > 0 ? .part(max(0, size - count)..<size) : .outside
        default: return
        }
    }

    /// A number of digits; the largest there is for one that is larger.
    private static func number(_ digits: Substring.UTF8View) -> Int? {
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(Substring(digits)) ?? .max
    }
}
