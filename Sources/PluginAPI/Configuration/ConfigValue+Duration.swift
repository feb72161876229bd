extension Duration: ConfigValue {
    /// Takes `250ms`, `30s`, `5m`, `1h`, `2d`, or a number of seconds.
    public init(config: JSON) throws(ConfigProblem) {
        let problem = ConfigProblem("expected a duration such as \"30s\", \"5m\" or \"1h\"")
        guard let given = ConfigAmount(config) else { throw problem }
        let scale: Double
        switch given.unit {
        case "ms": scale = 0.001
        case "", "s": scale = 1
        case "m", "min": scale = 60
        case "h": scale = 3600
        case "d": scale = 86_400
        default: throw problem
        }
        guard given.amount * scale <= 3_155_760_000 else { throw ConfigProblem("is longer than 100 years") }
        self = .milliseconds(Int64((given.amount * scale * 1000).rounded()))
    }
    /// `duration such as 30s, 5m or 1h`.
    public static var configType: String { "duration such as 30s, 5m or 1h" }
    /// The largest unit that is exact.
    public var configText: String {
        let milliseconds = inNanoseconds / 1_000_000
        if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
        let seconds = milliseconds / 1000
        if seconds >= 86_400, seconds % 86_400 == 0 { return "\(seconds / 86_400)d" }
        if seconds >= 3600, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
        if seconds >= 60, seconds % 60 == 0 { return "\(seconds / 60)m" }
        return "\(seconds)s"
    }
}
