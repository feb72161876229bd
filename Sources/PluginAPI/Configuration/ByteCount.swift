/// A number of bytes; written `64MiB`, `16KiB`, `1GiB` or as a plain number.
public struct ByteCount: ConfigValue, Comparable, Hashable {
    /// The number of bytes.
    public var bytes: Int

    /// Makes a number of bytes.
    public init(_ bytes: Int) {
        self.bytes = bytes
    }

    /// Takes `64MiB` (powers of 1024), `64MB` (powers of 1000) or a number of bytes.
    public init(config: JSON) throws(ConfigProblem) {
        let problem = ConfigProblem("expected a size such as \"64MiB\"")
        guard let given = ConfigAmount(config) else { throw problem }
        let scale: Double
        switch given.unit {
        case "", "B": scale = 1
        case "KiB", "K": scale = 1024
        case "MiB", "M": scale = 1_048_576
        case "GiB", "G": scale = 1_073_741_824
        case "TiB", "T": scale = 1_099_511_627_776
        case "kB", "KB": scale = 1e3
        case "MB": scale = 1e6
        case "GB": scale = 1e9
        case "TB": scale = 1e12
        default: throw problem
        }
        guard given.amount * scale <= 1e15 else { throw ConfigProblem("is larger than 1 PB") }
        bytes = Int(given.amount * scale)
    }

    /// `size such as 64MiB`.
    public static var configType: String { "size such as 64MiB" }
    /// The largest unit that is exact.
    public var configText: String {
        for (unit, scale) in [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes >= scale && bytes % scale == 0 {
            return "\(bytes / scale)\(unit)"
        }
        return String(bytes)
    }
    /// Fewer bytes are smaller.
    public static func < (lhs: ByteCount, rhs: ByteCount) -> Bool { lhs.bytes < rhs.bytes }
}
