/// One segment of a request's path: a range of bytes and their hash.
struct PathSegment {
    var start: UInt32
    var end: UInt32
    var hash: UInt64

    var range: Range<Int> { Int(start)..<Int(end) }
}

/// A request's path, split at the slashes of the wire and only then decoded, so that `%2F` stays inside a segment.
struct RequestPath {
    /// Longer paths match no route.
    static let maximumLength = 1 << 20
    /// Paths of more segments match no route; 64 of them fill the kilobyte that is kept on the stack.
    static let maximumSegments = 64

    /// The bytes that the segments point into.
    let bytes: UnsafeBufferPointer<UInt8>
    /// The segments; a trailing slash makes none.
    let segments: UnsafeBufferPointer<PathSegment>
    /// False when the path goes on with something that no route matches: an empty segment, `.`, `..`, or too much.
    let isClean: Bool
    /// Whether the bytes are a decoded copy.
    let isDecoded: Bool

    /// Splits the path of a request target in origin or absolute form (RFC 9112 §3.2) for the time of a call.
    static func withPath<R>(of target: String, _ body: (RequestPath) -> R) -> R {
        var target = target
        return target.withUTF8 { bytes in
            withUnsafeTemporaryAllocation(of: PathSegment.self, capacity: maximumSegments) { segments in
                split(bytes, into: segments, body)
            }
        }
    }

    private static func split<R>(
        _ bytes: UnsafeBufferPointer<UInt8>, into segments: UnsafeMutableBufferPointer<PathSegment>,
        _ body: (RequestPath) -> R
    ) -> R {
        var index = pathStart(bytes)
        var count = 0
        var hasEscapes = false
        var isClean = index < bytes.count && bytes.count <= maximumLength && bytes[index] == slash
        scan: while isClean, index < bytes.count, bytes[index] == slash {
            index += 1
            let start = index
            var hash = PathHash()
            while index < bytes.count {
                let byte = bytes[index]
                if byte == slash || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") { break }
                if byte == UInt8(ascii: "%") { hasEscapes = true }
                hash.add(byte)
                index += 1
            }
            if index == start {
                isClean = index == bytes.count || bytes[index] != slash
                break scan
            }
            guard count < segments.count, !isForbidden(bytes[start..<index]) else {
                isClean = false
                break scan
            }
            segments[count] = PathSegment(start: UInt32(start), end: UInt32(index), hash: hash.value)
            count += 1
        }
        let found = UnsafeMutableBufferPointer(rebasing: segments[..<count])
        guard hasEscapes else {
            return body(
                RequestPath(bytes: bytes, segments: UnsafeBufferPointer(found), isClean: isClean, isDecoded: false))
        }
        return decode(bytes, found, isClean, body)
    }

    /// Decodes each segment into a copy with the same slashes between them.
    private static func decode<R>(
        _ bytes: UnsafeBufferPointer<UInt8>, _ segments: UnsafeMutableBufferPointer<PathSegment>, _ isClean: Bool,
        _ body: (RequestPath) -> R
    ) -> R {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var isClean = isClean
        var count = 0
        for segment in segments {
            decoded.append(slash)
            let start = decoded.count
            appendDecoded(bytes[segment.range], to: &decoded)
            var hash = PathHash()
            for byte in decoded[start...] { hash.add(byte) }
            guard !decoded[start...].contains(0),
                !decoded[start...].withUnsafeBufferPointer({ isForbidden($0[...]) })
            else {
                isClean = false
                break
            }
            segments[count] = PathSegment(start: UInt32(start), end: UInt32(decoded.count), hash: hash.value)
            count += 1
        }
        let found = UnsafeBufferPointer(rebasing: segments[..<count])
        return decoded.withUnsafeBufferPointer { buffer in
            body(RequestPath(bytes: buffer, segments: found, isClean: isClean, isDecoded: true))
        }
    }

    private static func appendDecoded(_ text: Slice<UnsafeBufferPointer<UInt8>>, to decoded: inout [UInt8]) {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "%"), index + 2 < text.endIndex, let high = nibble(text[index + 1]),
                let low = nibble(text[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(text[index])
                index += 1
            }
        }
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Where the path starts: at once, or after the authority of an absolute target.
    private static func pathStart(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let first = bytes.first, first != slash else { return 0 }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon + 2 < bytes.count, bytes[colon + 1] == slash,
            bytes[colon + 2] == slash
        else { return bytes.count }
        return bytes[(colon + 3)...].firstIndex(of: slash) ?? bytes.count
    }

    /// `.` and `..` are never resolved and never matched.
    private static func isForbidden(_ segment: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        !segment.isEmpty && segment.count <= 2 && segment.allSatisfy { $0 == UInt8(ascii: ".") }
    }

    private static let slash = UInt8(ascii: "/")
}

extension RequestPath {
    /// The text of one segment.
    func text(at position: Int) -> String {
        String(decoding: bytes[segments[position].range], as: UTF8.self)
    }

    /// The text from one segment to the end; `nil` when an escaped slash hides an empty segment, `.` or `..` in it.
    func rest(from position: Int) -> String? {
        let range = Int(segments[position].start)..<Int(segments[segments.count - 1].end)
        let rest = String(decoding: bytes[range], as: UTF8.self)
        guard isDecoded else { return rest }
        let parts = rest.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let dots: [[UInt8]] = [[], Array(".".utf8), Array("..".utf8)]
        return parts.contains { part in dots.contains { part.elementsEqual($0) } } ? nil : rest
    }
}

/// FNV-1a over the bytes of a segment; equal hashes are followed by a comparison.
struct PathHash {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
    }

    static func of(_ text: String) -> UInt64 {
        var hash = PathHash()
        for byte in text.utf8 { hash.add(byte) }
        return hash.value
    }
}
