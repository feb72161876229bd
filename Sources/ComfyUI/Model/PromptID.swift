/// Makes ids for prompts.
public enum PromptID {
    /// A random UUID (RFC 9562, version 4) in lower case with hyphens: newer servers accept nothing else.
    public static func random() -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let halves = [UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)]
        for index in bytes.indices {
            bytes[index] = UInt8(truncatingIfNeeded: halves[index / 8] >> UInt64(8 * (index % 8)))
        }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (index, byte) in bytes.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether a server can be asked for a prompt of this id: in `/history/{id}` a dot segment would be a step in the path.
    public static func isUsable(_ id: String) -> Bool {
        !id.isEmpty && id != "." && id != ".." && id.unicodeScalars.count <= 200
            && id.unicodeScalars.allSatisfy { $0.value >= 32 && $0 != "\u{7F}" }
    }
}
