/// Writes one deflate block with fixed Huffman codes (RFC 1951 §3.2.6); the caller says what repeats.
struct Deflater: Sendable {
    /// A repetition reaches back this far at most.
    static let window = 32768

    private static let lengths = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let distances = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12289, 16385, 24577,
    ]

    private(set) var bytes: [UInt8] = []
    private var pending: UInt64 = 0
    private var pendingCount = 0

    init() {
        // Last block, fixed codes.
        put(0b011, 3)
    }

    /// Writes a byte.
    mutating func literal(_ byte: UInt8) {
        symbol(Int(byte))
    }

    /// Repeats bytes from `distance` (1 to ``window``) back; a rest of one or two bytes is written as literals.
    mutating func copy(_ count: Int, distance: Int, tail: (Int) -> UInt8) {
        var done = 0
        while count - done >= 3 {
            // No piece may leave a rest that is too short for another one.
            let rest = count - done
            let length = rest > 258 && rest < 261 ? 255 : min(rest, 258)
            match(length, distance)
            done += length
        }
        while done < count {
            literal(tail(done))
            done += 1
        }
    }

    /// Ends the block.
    mutating func finish() {
        symbol(256)
        if pendingCount > 0 { put(0, 8 - pendingCount % 8) }
    }

    private mutating func match(_ length: Int, _ distance: Int) {
        let code = Self.place(of: length, in: Self.lengths)
        symbol(257 + code)
        let extra = code < 8 || code == 28 ? 0 : (code - 4) / 4
        put(UInt64(length - Self.lengths[code]), extra)
        let distanceCode = Self.place(of: distance, in: Self.distances)
        put(Self.reversed(UInt64(distanceCode), 5), 5)
        put(UInt64(distance - Self.distances[distanceCode]), distanceCode < 4 ? 0 : (distanceCode - 2) / 2)
    }

    private mutating func symbol(_ value: Int) {
        let (code, count) =
            switch value {
            case ..<144: (0x30 + value, 8)
            case ..<256: (0x190 + value - 144, 9)
            case ..<280: (value - 256, 7)
            default: (0xC0 + value - 280, 8)
            }
        put(Self.reversed(UInt64(code), count), count)
    }

    private mutating func put(_ bits: UInt64, _ count: Int) {
        pending |= bits << UInt64(pendingCount)
        pendingCount += count
        while pendingCount >= 8 {
            bytes.append(UInt8(truncatingIfNeeded: pending))
            pending >>= 8
            pendingCount -= 8
        }
    }

    private static func place(of value: Int, in starts: [Int]) -> Int {
        (starts.lastIndex { $0 <= value }) ?? 0
    }

    private static func reversed(_ bits: UInt64, _ count: Int) -> UInt64 {
        var result: UInt64 = 0
        for place in 0..<count { result |= (bits >> UInt64(place) & 1) << UInt64(count - 1 - place) }
        return result
    }
}
