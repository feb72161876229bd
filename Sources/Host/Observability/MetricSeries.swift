import Synchronization

/// One number of a counter or gauge; changing it takes no lock and allocates nothing.
package final class ScalarSeries: Sendable {
    private let bits: Atomic<UInt64>

    init(_ value: Double = 0) {
        bits = Atomic(value.bitPattern)
    }

    /// The number now.
    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    /// Sets the number.
    package func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// Adds to the number.
    package func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: current) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: current, desired: sum, ordering: .relaxed)
            if exchanged { return }
            current = original
        }
    }
}

/// One distribution of a histogram.
package final class HistogramSeries: Sendable {
    /// What was observed so far.
    struct Snapshot {
        /// The observations of each bucket by itself; the last is the one without an upper bound.
        var counts: [UInt64]
        var sum: Double
    }

    private let bounds: [Double]
    private let state: Mutex<Snapshot>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(Snapshot(counts: Array(repeating: 0, count: bounds.count + 1), sum: 0))
    }

    /// Counts one observation; NaN is not one.
    package func observe(_ value: Double) {
        guard !value.isNaN else { return }
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    var snapshot: Snapshot { state.withLock { $0 } }
}
