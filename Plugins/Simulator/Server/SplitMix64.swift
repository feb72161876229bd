/// A small generator of reproducible random numbers (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Whether an event of this probability happens now.
    mutating func happens(_ probability: Double) -> Bool {
        probability > 0 && Double.random(in: 0..<1, using: &self) < probability
    }

    /// A random UUID of version 4 (RFC 9562 §5.4).
    mutating func uuid() -> String {
        let hex = hex(32)
        let variants: [Character] = ["8", "9", "a", "b"]
        var text = ""
        for (place, digit) in hex.enumerated() {
            if [8, 12, 16, 20].contains(place) { text.append("-") }
            switch place {
            case 12: text.append("4")
            case 16: text.append(variants[Int(next() & 3)])
            default: text.append(digit)
            }
        }
        return text
    }

    /// Random hexadecimal digits.
    mutating func hex(_ count: Int) -> String {
        var digits = ""
        while digits.count < count {
            let word = String(next(), radix: 16)
            digits += String(repeating: "0", count: 16 - word.count) + word
        }
        return String(digits.prefix(count))
    }

    /// Random letters of the kind that name temporary files.
    mutating func letters(_ count: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstupvxyz")
        return String((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &self)] })
    }
}
