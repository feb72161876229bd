import Synchronization

/// A call that many want at the same time and that is made once: whoever comes while it runs gets its result too.
///
/// The call goes on when one of those who wait is cancelled, so it must have a limit of its own.
public final class JoinedCall<Value: Sendable>: Sendable {
    private let current = Mutex<Task<Value, any Error>?>(nil)

    /// Makes one that nobody waits for yet.
    public init() {}

    /// Makes the call, or waits for the one that runs.
    ///
    /// - Throws: what the call throws.
    public func run(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = current.withLock { current in
            if let current { return current }
            let task = Task {
                defer { self.current.withLock { $0 = nil } }
                return try await body()
            }
            current = task
            return task
        }
        return try await task.value
    }
}
