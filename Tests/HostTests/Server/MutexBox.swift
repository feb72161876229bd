import Synchronization

/// A value that several tasks share.
final class MutexBox<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) {
        self.value = Mutex(value)
    }

    var current: Value { value.withLock { $0 } }

    func update(_ body: (inout sending Value) -> Void) { value.withLock { body(&$0) } }

    func put(_ new: Value) { value.withLock { $0 = new } }
}

extension MutexBox where Value == [UInt8] {
    func take() -> [UInt8] {
        value.withLock { value in
            defer { value = [] }
            return value
        }
    }
}

/// Waits until a condition holds; false when it does not within the time.
func eventually(within seconds: Double = 10, _ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now.advanced(by: .seconds(seconds))
    while !(await condition()) {
        if ContinuousClock.now > end { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return true
}
