/// How long to wait before the next event stream of a server: from 0.25 s to 10 s, longer after each failure, spread by chance so that
/// not all who lost a server come back to it together.
public struct ReconnectPause: Sendable {
    private var failures = 0

    /// A stream that lasted so long was a good one.
    private static let goodLife = Duration.seconds(30)
    private static let mostFailures = 8

    /// Begins with the shortest pause.
    public init() {}

    /// The pause after a stream that ended, or never began.
    ///
    /// - Parameter life: How long it lasted, the connecting included.
    public mutating func next(afterStreamOf life: Duration) -> Duration {
        failures = life > Self.goodLife ? 1 : min(failures + 1, Self.mostFailures)
        return .seconds(min(10, 0.125 * Double(1 << failures)) * Double.random(in: 0.8...1.2))
    }
}
