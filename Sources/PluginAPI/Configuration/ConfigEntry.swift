/// One documented key of the configuration; the sample and the reference are made from these.
public struct ConfigEntry: Sendable, Equatable {
    /// What stands at the path.
    public enum Kind: Sendable, Equatable {
        /// A value; `text` is its default, or an example when it is required.
        case value(type: String, text: String?, required: Bool)
        /// A section of keys.
        case section
        /// A list of sections; the keys of one follow with `[]` in their path.
        case list
    }

    /// The dotted path.
    public let path: String
    /// What stands there.
    public let kind: Kind
    /// What it does.
    public let help: String
    /// The variable that ranks above the file, besides `COMFYD_<PATH>`.
    public let environment: String?

    init(path: String, kind: Kind, help: String, environment: String? = nil) {
        self.path = path
        self.kind = kind
        self.help = help
        self.environment = environment
    }

    /// The variable that every key outside lists has: `COMFYD_` and the path in upper case, dots as underscores.
    public static func variable(for path: String) -> String {
        let letters = path.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        return "COMFYD_" + String(decoding: letters, as: UTF8.self)
    }
}
