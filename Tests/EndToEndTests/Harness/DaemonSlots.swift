/// Limits how many daemons run at once, so that parallel tests do not starve each other on a small machine.
///
/// A test takes all its slots in one step, so two tests cannot wait for each other.
actor DaemonSlots {
    static let shared = DaemonSlots(count: 6)

    private let count: Int
    private var free: Int
    private var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

    init(count: Int) {
        self.count = count
        free = count
    }

    func take(_ wanted: Int) async {
        let wanted = min(wanted, count)
        if waiting.isEmpty, free >= wanted {
            free -= wanted
            return
        }
        await withCheckedContinuation { waiting.append((wanted, $0)) }
    }

    func give(_ given: Int) {
        free += min(given, count)
        while let first = waiting.first, free >= first.count {
            free -= first.count
            waiting.removeFirst()
            first.continuation.resume()
        }
    }
}

/// Runs a body while holding slots.
func withSlots<T>(_ count: Int, _ body: () async throws -> T) async throws -> T {
    await DaemonSlots.shared.take(count)
    let result: Result<T, any Error>
    do {
        result = .success(try await body())
    } catch {
        result = .failure(error)
    }
    await DaemonSlots.shared.give(count)
    return try result.get()
}
