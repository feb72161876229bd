import Glibc
import Synchronization

/// Runs blocking work on a thread of its own, so that the pool which runs the tests is never held up.
func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        startThread { continuation.resume(with: Result { try body() }) }
    }
}

/// Starts a detached thread.
func startThread(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        }, box.toOpaque())
    precondition(code == 0, "pthread_create: \(code)")
    pthread_detach(thread)
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
        self.run = run
    }
}

/// Something that did not become true in time.
struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Asks again and again, quickly at first, until the answer is there.
///
/// - Throws: ``TimedOut`` naming what was awaited; what the question throws.
func eventually<T>(
    _ what: @autoclosure () -> String, within seconds: Double = 15, _ question: () async throws -> T?
) async throws -> T {
    let seconds = seconds * Places.patience
    let deadline = ContinuousClock.now + .seconds(seconds)
    var pause = Duration.milliseconds(2)
    while true {
        if let answer = try await question() { return answer }
        guard ContinuousClock.now < deadline else { throw TimedOut(description: "not within \(seconds) s: \(what())") }
        try await Task.sleep(for: pause)
        pause = min(pause * 3 / 2, .milliseconds(100))
    }
}

/// Asks until a condition holds.
func eventually(
    _ what: @autoclosure () -> String, within seconds: Double = 15, holds condition: () async throws -> Bool
) async throws {
    _ = try await eventually(what(), within: seconds) { try await condition() ? true : nil }
}

/// Runs a body for each element at the same time; the results stand in the order of the elements.
func concurrently<Element: Sendable, T: Sendable>(
    _ elements: [Element], _ body: @escaping @Sendable (Element) async throws -> T
) async throws -> [T] {
    try await withThrowingTaskGroup(of: (Int, T).self) { group in
        for (index, element) in elements.enumerated() {
            group.addTask { (index, try await body(element)) }
        }
        var results: [(Int, T)] = []
        for try await result in group { results.append(result) }
        return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
