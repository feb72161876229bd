/// Runs calls that block on threads of their own: nothing may block an event loop.
public protocol BlockingThreads: Sendable {
    /// Runs a body and returns what it returns.
    ///
    /// - Throws: what the body throws; `CancellationError` when the daemon ends.
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T
}

/// No threads: what a context has that nobody gave any.
struct RunningInPlace: BlockingThreads {
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T { try body() }
}
