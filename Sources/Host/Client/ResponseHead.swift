import PluginAPI

/// Collects the header of an answer line by line, as libcurl hands it over; interim answers are skipped.
struct ResponseHead {
    /// What to do after a line.
    enum Verdict {
        case more
        case complete
        case refused(HTTPClientError.Reason, String)
    }

    private(set) var status = 0
    private(set) var fields: [HTTPFields.Field] = []
    private(set) var isComplete = false
    private var size = 0
    private let isUpgrade: Bool

    /// Makes an empty header; 101 completes that of an upgrade, and is refused otherwise.
    init(isUpgrade: Bool = false) {
        self.isUpgrade = isUpgrade
    }

    /// Takes a line with its line end; lines after the header are trailers and are only counted.
    mutating func take(_ line: UnsafeRawBufferPointer, limit: Int) -> Verdict {
        size += line.count
        guard size <= limit else { return .refused(.tooLarge, "the header is larger than \(limit) bytes") }
        if isComplete { return .more }
        let content = Self.trimmed(line)
        if content.isEmpty { return endBlock() }
        if line.starts(with: "HTTP/".utf8) {
            status = Self.statusCode(content)
            fields.removeAll(keepingCapacity: true)
            return .more
        }
        if let first = line.first, first == 0x20 || first == 0x09 {
            if !fields.isEmpty { fields[fields.count - 1].value += " " + String(decoding: content, as: UTF8.self) }
            return .more
        }
        guard let colon = content.firstIndex(of: UInt8(ascii: ":")) else { return .more }
        fields.append(
            HTTPFields.Field(
                name: String(decoding: content[..<colon], as: UTF8.self),
                value: String(decoding: Self.trimmed(content[(colon + 1)...]), as: UTF8.self)))
        return .more
    }

    private mutating func endBlock() -> Verdict {
        guard status >= 200 || (status == 101 && isUpgrade) else {
            return status == 101 ? .refused(.connection, "the peer switched protocols unasked") : .more
        }
        isComplete = true
        return .complete
    }

    private static func statusCode(_ line: some Collection<UInt8>) -> Int {
        var code = 0
        for digit in line.drop(while: { $0 != 0x20 }).dropFirst().prefix(3) {
            guard digit >= 0x30 && digit <= 0x39 else { return 0 }
            code = code * 10 + Int(digit - 0x30)
        }
        return code
    }

    private static func trimmed<Bytes: BidirectionalCollection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        var rest = bytes.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return rest
    }
}
