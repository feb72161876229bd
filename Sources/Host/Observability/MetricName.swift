/// Makes names that Prometheus accepts (data model: `[a-zA-Z_:][a-zA-Z0-9_:]*`, labels without the colon).
enum MetricName {
    /// The name with `_` in place of everything else; never empty.
    static func metric(_ text: String) -> String {
        sanitised(text, allowsColon: true)
    }

    /// Label names: without a leading `__`, which is reserved, without `le`, which histograms use, and each once.
    static func labels(_ names: [String]) -> [String] {
        var used: Set<String> = []
        return names.map { name in
            var label = sanitised(name, allowsColon: false)
            while label.hasPrefix("__") { label.removeFirst() }
            if label == "le" { label = "exported_le" }
            while !used.insert(label).inserted { label += "_" }
            return label
        }
    }

    private static func sanitised(_ text: String, allowsColon: Bool) -> String {
        var bytes = text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                byte
            case UInt8(ascii: ":") where allowsColon: byte
            default: UInt8(ascii: "_")
            }
        }
        if let first = bytes.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) {
            bytes.insert(UInt8(ascii: "_"), at: 0)
        }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}
