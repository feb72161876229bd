import Synchronization

/// The series of one metric by label values, up to a limit.
final class SeriesTable<Series: Sendable>: Sendable {
    private struct State {
        var series: [[String]: Series] = [:]
        var dropped: UInt64 = 0
    }

    private let labels: Int
    private let limit: Int
    private let make: @Sendable () -> Series
    private let onFirstDrop: @Sendable () -> Void
    private let state = Mutex(State())

    init(
        labels: Int, limit: Int, onFirstDrop: @escaping @Sendable () -> Void, make: @escaping @Sendable () -> Series
    ) {
        self.labels = labels
        self.limit = limit
        self.make = make
        self.onFirstDrop = onFirstDrop
        if labels == 0 { _ = series([]) }
    }

    /// The series of these values; missing values are empty, superfluous ones ignored; `nil` beyond the limit.
    func series(_ values: [String]) -> Series? {
        guard values.count == labels else {
            return series(Array((values + Array(repeating: "", count: max(0, labels - values.count))).prefix(labels)))
        }
        let (series, isFirstDrop) = state.withLock { state -> (Series?, Bool) in
            if let known = state.series[values] { return (known, false) }
            guard state.series.count < limit else {
                state.dropped += 1
                return (nil, state.dropped == 1)
            }
            let new = make()
            state.series[values] = new
            return (new, false)
        }
        if isFirstDrop { onFirstDrop() }
        return series
    }

    /// Forgets a series.
    func remove(_ values: [String]) {
        state.withLock { state in _ = state.series.removeValue(forKey: values) }
    }

    /// How many times a value had no series to go to.
    var dropped: UInt64 { state.withLock { $0.dropped } }

    /// All series in the order of their values.
    var all: [(values: [String], series: Series)] {
        let series = state.withLock { $0.series }
        return series.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
    }
}
