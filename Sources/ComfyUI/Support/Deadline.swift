public import PluginAPI

/// Ends work that takes too long.
public enum Deadline {
    /// Runs a body, and cancels it when the time is over.
    ///
    /// - Throws: ``HTTPClientError`` `timeout` when the time is over; what the body throws.
    public static func run<T: Sendable>(
        _ limit: Duration, clock: any TimeSource, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let over = HTTPClientError(.timeout, mayHaveBeenProcessed: true, "no whole answer within \(limit)")
        return try await withThrowingTaskGroup(of: T.self) { group in
            group.addTask(operation: body)
            group.addTask {
                try await clock.sleep(for: limit)
                throw over
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw over }
            return result
        }
    }
}
