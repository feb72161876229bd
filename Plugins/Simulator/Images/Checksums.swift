/// CRC-32 as PNG uses it (ISO 3309, PNG specification annex D).
struct CRC32: Sendable {
    /// Four tables in a row: what a byte adds when none to three others follow it.
    private static let table: [UInt32] = {
        var table: [UInt32] = (0..<256).map { byte in
            (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
        }
        for place in 256..<1024 {
            let before = table[place - 256]
            table.append(table[Int(before & 0xFF)] ^ (before >> 8))
        }
        return table
    }()

    private var state: UInt32 = 0xFFFF_FFFF

    /// The checksum of the bytes fed so far.
    var value: UInt32 { ~state }

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        feed(Array(bytes)[...])
    }

    mutating func feed(_ bytes: ArraySlice<UInt8>) {
        var crc = state
        Self.table.withUnsafeBufferPointer { table in
            bytes.withUnsafeBytes { bytes in
                var place = 0
                while place + 4 <= bytes.count {
                    crc ^= UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
                    let first = table[768 + Int(crc & 0xFF)] ^ table[512 + Int(crc >> 8 & 0xFF)]
                    crc = first ^ table[256 + Int(crc >> 16 & 0xFF)] ^ table[Int(crc >> 24)]
                    place += 4
                }
                for byte in bytes[place...] { crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8) }
            }
        }
        state = crc
    }
}

/// Adler-32 (RFC 1950 §8.2), fed with whole pieces whose sums are worked out once.
struct Adler32: Sendable {
    /// What a piece of data adds to the checksum.
    struct Sums: Sendable {
        private static let modulus: UInt64 = 65521

        let count: UInt64
        let plain: UInt64
        let weighted: UInt64

        init(of bytes: [UInt8]) {
            var plain: UInt64 = 0
            var weighted: UInt64 = 0
            var weight = UInt64(bytes.count)
            for byte in bytes {
                plain &+= UInt64(byte)
                weighted &+= weight &* UInt64(byte)
                weight &-= 1
            }
            count = UInt64(bytes.count) % Self.modulus
            self.plain = plain % Self.modulus
            self.weighted = weighted % Self.modulus
        }
    }

    private var low: UInt64 = 1
    private var high: UInt64 = 0

    /// The checksum of the pieces fed so far.
    var value: UInt32 { UInt32(high << 16 | low) }

    mutating func feed(_ sums: Sums) {
        high = (high + sums.count * low + sums.weighted) % 65521
        low = (low + sums.plain) % 65521
    }
}
