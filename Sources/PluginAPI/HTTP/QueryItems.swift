/// The decoded query of a request target, in order, duplicates kept.
public struct QueryItems: Sendable, Equatable {
    /// All pairs; a key without `=` has an empty value.
    public let items: [(name: String, value: String)]

    /// Takes decoded pairs.
    public init(_ items: [(name: String, value: String)] = []) {
        self.items = items
    }

    /// Decodes an `application/x-www-form-urlencoded` query; `+` is a space, a broken escape stays as it is.
    public init(parsing query: some StringProtocol) {
        var text = String(query)
        items = text.withUTF8 { bytes in
            bytes.split(separator: UInt8(ascii: "&")).map { pair in
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else {
                    return (PercentEncoding.decode(pair, plusIsSpace: true), "")
                }
                let name = PercentEncoding.decode(pair[..<equals], plusIsSpace: true)
                return (name, PercentEncoding.decode(pair[(equals + 1)...], plusIsSpace: true))
            }
        }
    }

    /// The first value of a name.
    public subscript(_ name: String) -> String? {
        items.first { $0.name == name }?.value
    }

    /// All values of a name.
    public func values(for name: String) -> [String] {
        items.filter { $0.name == name }.map(\.value)
    }

    /// The query as text, without the question mark.
    public var encoded: String {
        items.map { PercentEncoding.encode($0.name) + "=" + PercentEncoding.encode($0.value) }.joined(separator: "&")
    }

    /// Pairs compare in order.
    public static func == (lhs: QueryItems, rhs: QueryItems) -> Bool {
        lhs.items.elementsEqual(rhs.items) { $0.name == $1.name && $0.value == $1.value }
    }
}

/// Percent-encoding of URLs (RFC 3986 §2.1).
public enum PercentEncoding {
    /// Encodes everything but unreserved characters.
    public static func encode(_ text: some StringProtocol) -> String {
        guard !text.utf8.allSatisfy(isUnreserved) else { return String(text) }
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10 }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            guard !isUnreserved(byte) else {
                bytes.append(byte)
                continue
            }
            bytes.append(UInt8(ascii: "%"))
            bytes.append(digit(byte >> 4))
            bytes.append(digit(byte & 15))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Decodes escapes; broken ones stay as they are, invalid UTF-8 is replaced by U+FFFD.
    public static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
        var text = String(text)
        return text.withUTF8 { decode($0[...], plusIsSpace: plusIsSpace) }
    }

    /// Decodes the bytes of a text.
    fileprivate static func decode(_ source: Slice<UnsafeBufferPointer<UInt8>>, plusIsSpace: Bool) -> String {
        let needsWork = source.contains { $0 == UInt8(ascii: "%") || (plusIsSpace && $0 == UInt8(ascii: "+")) }
        guard needsWork else { return String(decoding: source, as: UTF8.self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var index = source.startIndex
        while index < source.endIndex {
            let byte = source[index]
            if byte == UInt8(ascii: "%"), index + 2 < source.endIndex, let high = nibble(source[index + 1]),
                let low = nibble(source[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
                continue
            }
            bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            index += 1
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
