internal import PluginAPI

/// Writes PNG files of eight bits per channel (PNG specification, third edition), and reads the size of others.
enum PNG {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Draws one image of a batch, with text chunks of the given keys and values.
    static func encode(_ picture: Picture, index: Int = 0, texts: [(key: String, value: [UInt8])] = []) -> [UInt8] {
        var file = signature
        var header = bigEndian(picture.width) + bigEndian(picture.height)
        // Eight bits, RGB, deflate, adaptive filters, not interlaced.
        header += [8, 2, 0, 0, 0]
        append("IHDR", header, to: &file)
        for text in texts where isKeyword(text.key) {
            append("tEXt", Array(text.key.utf8) + [0] + text.value, to: &file)
        }
        append("IDAT", compressed(picture, index: index), to: &file)
        append("IEND", [], to: &file)
        return file
    }

    /// Width and height of a PNG file, from its first bytes.
    static func size(of file: [UInt8]) -> (width: Int, height: Int)? {
        guard file.count >= 24, file.starts(with: signature), file[12..<16].elementsEqual("IHDR".utf8) else {
            return nil
        }
        let number = { (start: Int) in file[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
        return (number(16), number(20))
    }

    private static func isKeyword(_ key: String) -> Bool {
        (1...79).contains(key.utf8.count) && key.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    private static func append(_ type: String, _ content: [UInt8], to file: inout [UInt8]) {
        file += bigEndian(content.count)
        let start = file.count
        file += type.utf8
        file += content
        var crc = CRC32()
        crc.feed(file[start...])
        file += bigEndian(Int(crc.value))
    }

    /// The zlib stream (RFC 1950) of the filtered lines.
    ///
    /// Equal lines are repetitions of the line above, equal pixels of
    /// the pixel before.
    private static func compressed(_ picture: Picture, index: Int) -> [UInt8] {
        var deflater = Deflater()
        var adler = Adler32()
        var band = -1
        var line: [UInt8] = []
        var sums = Adler32.Sums(of: [])
        for number in 0..<picture.height {
            let next = picture.band(ofLine: number)
            let isNew = next != band
            if isNew {
                band = next
                line = [0] + picture.line(inBand: band, of: index)
                sums = Adler32.Sums(of: line)
            }
            if isNew || line.count > Deflater.window {
                writePixels(of: line, to: &deflater)
            } else {
                deflater.copy(line.count, distance: line.count) { line[$0] }
            }
            adler.feed(sums)
        }
        deflater.finish()
        return [0x78, 0x01] + deflater.bytes + bigEndian(Int(adler.value))
    }

    private static func writePixels(of line: [UInt8], to deflater: inout Deflater) {
        var place = 0
        // The filter byte and the first pixel.
        while place < min(4, line.count) {
            deflater.literal(line[place])
            place += 1
        }
        while place < line.count {
            var end = place
            while end < line.count, line[end] == line[end - 3] { end += 1 }
            if end - place >= 3 {
                let start = place
                deflater.copy(end - place, distance: 3) { line[start + $0] }
                place = end
            } else {
                deflater.literal(line[place])
                place += 1
            }
        }
    }

    private static func bigEndian(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
