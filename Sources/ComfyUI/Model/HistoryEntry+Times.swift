public import PluginAPI

extension HistoryEntry {
    /// When its execution began, as the server's clock had it; `nil` when it does not tell.
    public var startedAt: Timestamp? {
        messages.lazy.filter { $0[0]?.stringValue == "execution_start" }.compactMap(Self.time).first
    }

    /// When it ended, as the server's clock had it: the time of its last message; `nil` when it does not tell.
    public var finishedAt: Timestamp? {
        messages.reversed().lazy.compactMap(Self.time).first
    }

    private static func time(of message: JSON) -> Timestamp? {
        let number = message[1]?["timestamp"]?.doubleValue
        return number.flatMap { Int64(exactly: $0.rounded()) }.map { Timestamp(milliseconds: $0) }
    }
}
