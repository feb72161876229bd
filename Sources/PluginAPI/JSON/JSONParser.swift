/// Reads one JSON text without recursion: open containers are frames of a list, and their content lies in scratch stacks.
struct JSONParser: ~Copyable {
    struct Failure: Error {
        let problem: Problem
        let offset: Int
    }

    struct Frame {
        let isObject: Bool
        /// Where its content starts in the scratch stack of its kind.
        let start: Int
    }

    let bytes: UnsafeBufferPointer<UInt8>
    let options: JSONParseOptions
    var position = 0
    /// Unescaped strings are put together here.
    var unescaped: [UInt8] = []
    private var frames: [Frame] = []
    private var elements = JSONScratch<JSON>()
    private var members = JSONScratch<JSONObject.Member>()
    /// One per member: different fingerprints mean different keys.
    private var fingerprints = JSONScratch<UInt64>()

    init(_ bytes: UnsafeBufferPointer<UInt8>, options: JSONParseOptions) {
        self.bytes = bytes
        self.options = options
    }

    /// Reads a value and makes sure that nothing follows it.
    mutating func parseDocument() throws(Failure) -> JSON {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
        while true {
            guard let value = try parseScalarOrOpen() else { continue }
            guard let document = try attach(value) else { continue }
            skipWhitespace()
            guard position == bytes.count else { throw failure(.trailingContent) }
            return document
        }
    }

    func failure(_ problem: Problem) -> Failure {
        Failure(problem: problem, offset: position)
    }

    /// The next byte; 0, which is nowhere legal outside of a string, at the end.
    @inline(__always)
    var byte: UInt8 {
        position < bytes.count ? bytes[position] : 0
    }

    @inline(__always)
    mutating func skipWhitespace() {
        var index = position
        while index < bytes.count {
            let byte = bytes[index]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
            index += 1
        }
        position = index
    }
}

// MARK: - Values and containers

extension JSONParser {
    /// Reads a scalar or an empty container; nil when a container was opened and its first value comes next.
    @inline(__always)
    private mutating func parseScalarOrOpen() throws(Failure) -> JSON? {
        skipWhitespace()
        switch byte {
        case UInt8(ascii: "\""):
            position += 1
            return .string(try parseString())
        case UInt8(ascii: "{"):
            return try openObject()
        case UInt8(ascii: "["):
            return try openArray()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try parseNumber())
        default:
            return try parseWord()
        }
    }

    /// Puts a value into the innermost open container, and closes containers that end there.
    ///
    /// - Returns: The whole document once no container is open, nil when another value comes next.
    @inline(__always)
    private mutating func attach(_ complete: JSON) throws(Failure) -> JSON? {
        var value = complete
        while let frame = frames.last {
            if frame.isObject {
                members[members.count - 1].value = value
            } else {
                elements.append(value)
            }
            skipWhitespace()
            let separator = byte
            if separator == UInt8(ascii: ",") {
                position += 1
                if frame.isObject { try parseKey() }
                return nil
            }
            guard separator == UInt8(ascii: frame.isObject ? "}" : "]") else {
                throw failure(frame.isObject ? .expectedCommaOrBrace : .expectedCommaOrBracket)
            }
            position += 1
            frames.removeLast()
            value = frame.isObject ? .object(closeObject(frame)) : .array(elements.popArray(from: frame.start))
        }
        return value
    }

    private mutating func openArray() throws(Failure) -> JSON? {
        guard frames.count < options.maximumDepth else { throw failure(.tooDeep) }
        position += 1
        skipWhitespace()
        if byte == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        frames.append(Frame(isObject: false, start: elements.count))
        return nil
    }

    private mutating func openObject() throws(Failure) -> JSON? {
        guard frames.count < options.maximumDepth else { throw failure(.tooDeep) }
        position += 1
        skipWhitespace()
        if byte == UInt8(ascii: "}") {
            position += 1
            return .object(JSONObject())
        }
        frames.append(Frame(isObject: true, start: members.count))
        try parseKey()
        return nil
    }

    /// Reads a key and its colon, and adds a member whose value is to come.
    @inline(__always)
    private mutating func parseKey() throws(Failure) {
        skipWhitespace()
        guard byte == UInt8(ascii: "\"") else { throw failure(.expectedKey) }
        position += 1
        let start = position
        let key = try parseString()
        fingerprints.append(fingerprint(from: start, count: key.utf8.count))
        members.append(JSONObject.Member(key: key, value: .null))
        skipWhitespace()
        guard byte == UInt8(ascii: ":") else { throw failure(.expectedColon) }
        position += 1
    }
}

// MARK: - Equal keys

extension JSONParser {
    /// The fingerprint of the key that was just read, whose text starts at an index.
    @inline(__always)
    private func fingerprint(from start: Int, count: Int) -> UInt64 {
        // Every escape is longer than what it stands for.
        guard position - 1 - start == count else {
            return unescaped.withUnsafeBytes { JSONText.fingerprint($0) }
        }
        return JSONText.fingerprint(
            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<start + count]))
    }

    private mutating func closeObject(_ frame: Frame) -> JSONObject {
        let count = members.count - frame.start
        defer { fingerprints.removeAll(from: frame.start) }
        guard count <= JSONKeyIndex.threshold else { return closeLargeObject(frame) }
        guard !hasEqualFingerprints(from: frame.start) else {
            // Perhaps an equal key: the slow way settles it.
            let pairs = members.popArray(from: frame.start).map { ($0.key, $0.value) }
            return JSONObject(pairs)
        }
        return JSONObject(distinct: members.popArray(from: frame.start), index: nil)
    }

    private func hasEqualFingerprints(from start: Int) -> Bool {
        var place = start + 1
        while place < members.count {
            let fingerprint = fingerprints[place]
            var earlier = start
            while earlier < place {
                if fingerprints[earlier] == fingerprint { return true }
                earlier += 1
            }
            place += 1
        }
        return false
    }

    private mutating func closeLargeObject(_ frame: Frame) -> JSONObject {
        let all = members.popArray(from: frame.start)
        var index = JSONKeyIndex(capacity: all.count)
        for place in all.indices where index.insert(all[place].key, at: place, keyAt: { all[$0].key }) != nil {
            return JSONObject(all.map { ($0.key, $0.value) })
        }
        return JSONObject(distinct: all, index: index)
    }
}
