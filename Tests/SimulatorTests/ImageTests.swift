import PluginAPI
import Testing

@testable import Simulator

@Suite("PNG files")
struct ImageTests {
    @Test("checksums match the published examples")
    func checksums() {
        var crc = CRC32()
        crc.feed("123456789".utf8)
        #expect(crc.value == 0xCBF4_3926)
        var adler = Adler32()
        adler.feed(Adler32.Sums(of: Array("Wiki".utf8)))
        adler.feed(Adler32.Sums(of: Array("pedia".utf8)))
        #expect(adler.value == 0x11E6_0398)
    }

    @Test(
        "an image decodes to its own pixels",
        arguments: [
            Picture(width: 1, height: 1, count: 1, fill: .solid(0x123456)),
            Picture(width: 64, height: 64, count: 1, fill: .solid(0xEDDDDB)),
            Picture(width: 300, height: 17, count: 1, fill: .pattern(42), isInverted: true),
            Picture(width: 11_000, height: 9, count: 1, fill: .pattern(3)),
        ])
    func pixels(_ picture: Picture) throws {
        let file = PNG.encode(picture)
        let chunks = try Self.chunks(of: file)
        #expect(chunks.map(\.type) == ["IHDR", "IDAT", "IEND"])
        let data = try #require(chunks.first { $0.type == "IDAT" }?.content)
        let lines = try Inflater.inflate(Array(data.dropFirst(2).dropLast(4)))
        var adler = Adler32()
        adler.feed(Adler32.Sums(of: lines))
        #expect(data.suffix(4).reduce(0) { $0 << 8 | UInt32($1) } == adler.value)
        var expected: [UInt8] = []
        for line in 0..<picture.height {
            expected.append(0)
            expected += picture.line(inBand: picture.band(ofLine: line), of: 0)
        }
        #expect(lines == expected)
    }

    @Test("the size of a batch is limited")
    func limits() {
        #expect(Picture(width: 8192, height: 8192, count: 1, fill: .solid(0)).isDrawable)
        #expect(!Picture(width: 8192, height: 8192, count: 2, fill: .solid(0)).isDrawable)
        #expect(!Picture(width: 1, height: 1, count: 5000, fill: .solid(0)).isDrawable)
        #expect(!Picture(width: 1 << 17, height: 1, count: 1, fill: .solid(0)).isDrawable)
        #expect(!Picture(width: .max, height: .max, count: .max, fill: .solid(0)).isDrawable)
    }

    private static func chunks(of file: [UInt8]) throws -> [(type: String, content: ArraySlice<UInt8>)] {
        try #require(file.starts(with: PNG.signature))
        var chunks: [(String, ArraySlice<UInt8>)] = []
        var place = 8
        while place < file.count {
            let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            var crc = CRC32()
            crc.feed(file[place + 4..<place + 8 + length])
            #expect(file[place + 8 + length..<place + 12 + length].reduce(0) { $0 << 8 | UInt32($1) } == crc.value)
            let type = String(decoding: file[place + 4..<place + 8], as: UTF8.self)
            chunks.append((type, file[place + 8..<place + 8 + length]))
            place += 12 + length
        }
        return chunks
    }
}

/// Reads deflate blocks of fixed codes, enough to check what ``Deflater`` writes.
struct Inflater {
    private let bytes: [UInt8]
    private var place = 0

    static func inflate(_ bytes: [UInt8]) throws -> [UInt8] {
        var inflater = Inflater(bytes: bytes)
        return try inflater.run()
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func run() throws -> [UInt8] {
        try #require(try bits(3) == 0b011)
        var output: [UInt8] = []
        while true {
            let symbol = try literal()
            if symbol == 256 { return output }
            guard symbol > 256 else {
                output.append(UInt8(symbol))
                continue
            }
            let length = try value(of: symbol - 257, base: Self.lengths)
            let distance = try value(of: try code(5), base: Self.distances)
            try #require(distance <= output.count)
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }

    /// Start and number of extra bits of every code.
    private static let lengths: [(Int, Int)] = (0..<29).map { code in
        if code < 8 { return (code + 3, 0) }
        if code == 28 { return (258, 0) }
        let extra = code / 4 - 1
        return ((4 + code % 4) << extra + 3, extra)
    }
    private static let distances: [(Int, Int)] = (0..<30).map { code in
        if code < 4 { return (code + 1, 0) }
        let extra = code / 2 - 1
        return ((2 + code % 2) << extra + 1, extra)
    }

    private mutating func value(of code: Int, base: [(Int, Int)]) throws -> Int {
        try #require(base.indices.contains(code))
        return base[code].0 + (try bits(base[code].1))
    }

    private mutating func literal() throws -> Int {
        let seven = try code(7)
        if seven < 24 { return 256 + seven }
        let eight = seven << 1 | (try code(1))
        if eight < 0xC0 { return eight - 0x30 }
        if eight < 0xC8 { return 280 + eight - 0xC0 }
        return 144 + (eight << 1 | (try code(1))) - 0x190
    }

    /// A Huffman code, whose first bit is its highest.
    private mutating func code(_ count: Int) throws -> Int {
        var value = 0
        for _ in 0..<count { value = value << 1 | (try bits(1)) }
        return value
    }

    private mutating func bits(_ count: Int) throws -> Int {
        var value = 0
        for bit in 0..<count {
            try #require(place < bytes.count * 8)
            value |= Int(bytes[place / 8] >> UInt8(place % 8) & 1) << bit
            place += 1
        }
        return value
    }
}
