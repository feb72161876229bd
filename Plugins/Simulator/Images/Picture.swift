/// An image that is drawn when it is saved: one colour, or a pattern of tiles made from a seed.
struct Picture: Sendable, Equatable {
    /// What the image shows.
    enum Fill: Sendable, Equatable {
        /// `0xRRGGBB`.
        case solid(UInt32)
        /// Eight by eight tiles.
        case pattern(UInt64)
    }

    /// More pixels than this in a batch are answered as if memory had run out.
    static let maximumPixels = 1 << 26
    /// So are longer sides and larger batches, which only values from links can ask for.
    static let maximumSide = 1 << 16
    static let maximumCount = 4096

    var width: Int
    var height: Int
    /// How many images the batch has.
    var count: Int
    var fill: Fill
    var isInverted = false

    /// Whether all images of the batch together stay below the limit.
    var isDrawable: Bool {
        let sides = 1...Self.maximumSide
        guard sides.contains(width), sides.contains(height), (1...Self.maximumCount).contains(count) else {
            return false
        }
        return width * height * count <= Self.maximumPixels
    }

    /// The tile row that a line of pixels belongs to; lines of one tile row are equal.
    func band(ofLine line: Int) -> Int {
        guard case .pattern = fill else { return 0 }
        return line * 8 / max(height, 8)
    }

    /// The bytes of one line, three per pixel.
    func line(inBand band: Int, of index: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(width * 3)
        let flip: UInt8 = isInverted ? 0xFF : 0
        for column in 0..<width {
            let colour = colour(column: column, band: band, index: index)
            for shift: UInt32 in [16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: colour >> shift) ^ flip) }
        }
        return bytes
    }

    private func colour(column: Int, band: Int, index: Int) -> UInt32 {
        switch fill {
        case .solid(let colour): return colour
        case .pattern(let seed):
            let tile = UInt64(truncatingIfNeeded: column * 8 / max(width, 8) + 8 * band + 64 * index)
            var generator = SplitMix64(seed: seed &+ tile &* 0x9E37_79B9)
            return UInt32(truncatingIfNeeded: generator.next() & 0xFFFFFF)
        }
    }
}
