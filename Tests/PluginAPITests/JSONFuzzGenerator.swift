/// Makes documents from a seed: the same seed, the same document, on every machine.
struct JSONFuzzGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private mutating func below(_ limit: Int) -> Int {
        Int(truncatingIfNeeded: next() >> 1) % max(1, limit)
    }

    private mutating func pick<Element>(_ list: [Element]) -> Element {
        list[below(list.count)]
    }

    // MARK: Valid documents

    mutating func document() -> [UInt8] {
        Array((space() + value(levels: 1 + below(5)) + space()).utf8)
    }

    private mutating func value(levels: Int) -> String {
        switch below(levels > 0 ? 10 : 6) {
        case 0: pick(["null", "true", "false"])
        case 1, 2: number()
        case 3, 4, 5: string()
        case 6, 7: "[" + space() + list { $0.value(levels: levels - 1) } + "]"
        default: "{" + space() + list { $0.member(levels: levels - 1) } + "}"
        }
    }

    private mutating func list(_ item: (inout Self) -> String) -> String {
        let count = below(12) == 0 ? below(40) : below(5)
        var items: [String] = []
        for _ in 0..<count { items.append(item(&self) + space()) }
        return items.joined(separator: "," + space())
    }

    private mutating func member(levels: Int) -> String {
        let key = below(3) == 0 ? string() : "\"k\(below(20))\""
        return key + space() + ":" + space() + value(levels: levels)
    }

    private mutating func space() -> String {
        below(4) == 0 ? pick([" ", "\n", "\t", "\r\n", "  "]) : ""
    }

    private mutating func number() -> String {
        var text = below(3) == 0 ? "-" : ""
        text += below(4) == 0 ? "0" : String(next() >> UInt64(below(64)) | 1)
        if below(8) == 0 { text = pick(["9223372036854775807", "-9223372036854775808", "9223372036854775808", "-0"]) }
        if below(4) == 0 { text += "." + String(next() >> UInt64(below(64))) }
        if below(4) == 0 { text += pick(["e", "E"]) + pick(["", "+", "-"]) + String(below(pick([3, 30, 340]))) }
        return text
    }

    private mutating func string() -> String {
        let pieces = [
            "a", "class_type", "abcdefghijklmnopqrstuvwxyz", " ", "/", "'", "é", "€", "😀", "\u{7f}", "\u{2028}", #"\""#,
            #"\\"#,
            #"\/"#, #"\n"#, #"\b"#, #"\u0041"#, #"\u00e9"#, #"\uD83D\ude00"#, #"\u0001"#,
        ]
        var text = ""
        for _ in 0..<below(below(10) == 0 ? 30 : 4) { text += pick(pieces) }
        if below(60) == 0 { text += pick([#"\u0000"#, #"\ud800"#, #"\udc00x"#]) }
        return "\"\(text)\""
    }

    // MARK: Mutations

    /// Damages a document in one to three places.
    mutating func mutate(_ bytes: inout [UInt8]) {
        for _ in 0...below(3) {
            let place = below(bytes.count + 1)
            let end = min(bytes.count, place + 1 + below(4))
            switch below(6) {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
            case 2: bytes.insert(pick(Array(#"{}[]",:\u0123456789-+.eEtrufalsn "#.utf8)), at: place)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: below(bytes.count + 1))
            case 4 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8))
            case 5 where below(4) == 0: bytes.removeSubrange(place...)
            default: bytes.insert(contentsOf: pick([[0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xFF]]), at: place)
            }
        }
    }
}
