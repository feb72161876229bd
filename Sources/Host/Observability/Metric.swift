import PluginAPI

/// A registered metric: name, help and series.
protocol Metric: AnyObject, Sendable {
    var name: String { get }
    var dropped: UInt64 { get }
    func write(to text: inout PrometheusText)
}

/// What a metric is called and how large it may grow.
struct MetricHeader: Sendable {
    var name: String
    var help: String
    var labels: [String]
    var limit: Int
    var onFirstDrop: @Sendable () -> Void
}

/// A registered counter.
package final class CounterMetric: Counter, Metric {
    private let header: MetricHeader
    private let table: SeriesTable<ScalarSeries>

    init(_ header: MetricHeader) {
        self.header = header
        table = SeriesTable(labels: header.labels.count, limit: header.limit, onFirstDrop: header.onFirstDrop) {
            ScalarSeries()
        }
    }

    /// The series of these label values, to be kept and added to; `nil` beyond the limit.
    package func series(_ labelValues: [String]) -> ScalarSeries? {
        table.series(labelValues)
    }

    /// Adds to a series; a counter never shrinks, so anything but a positive amount is ignored.
    package func increment(by amount: Double, _ labelValues: [String]) {
        guard amount > 0, let series = table.series(labelValues) else { return }
        series.add(amount)
    }

    var name: String { header.name }
    var dropped: UInt64 { table.dropped }

    func write(to text: inout PrometheusText) {
        text.head(header.name, "counter", header.help)
        for (values, series) in table.all { text.sample(header.name, header.labels, values, series.value) }
    }
}

/// A registered gauge.
package final class GaugeMetric: Gauge, Metric {
    private let header: MetricHeader
    private let table: SeriesTable<ScalarSeries>

    init(_ header: MetricHeader) {
        self.header = header
        table = SeriesTable(labels: header.labels.count, limit: header.limit, onFirstDrop: header.onFirstDrop) {
            ScalarSeries()
        }
    }

    /// Sets a series.
    package func set(_ value: Double, _ labelValues: [String]) {
        table.series(labelValues)?.set(value)
    }

    /// Forgets a series.
    package func remove(_ labelValues: [String]) {
        table.remove(labelValues)
    }

    var name: String { header.name }
    var dropped: UInt64 { table.dropped }

    func write(to text: inout PrometheusText) {
        text.head(header.name, "gauge", header.help)
        for (values, series) in table.all { text.sample(header.name, header.labels, values, series.value) }
    }
}

/// A registered histogram.
package final class HistogramMetric: Histogram, Metric {
    /// Upper bounds for the seconds of a request, when none are given.
    static let defaultBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private let header: MetricHeader
    private let bounds: [Double]
    private let table: SeriesTable<HistogramSeries>

    init(_ header: MetricHeader, buckets: [Double]) {
        self.header = header
        let bounds = Set(buckets.filter(\.isFinite)).sorted()
        self.bounds = bounds.isEmpty ? Self.defaultBuckets : bounds
        table = SeriesTable(labels: header.labels.count, limit: header.limit, onFirstDrop: header.onFirstDrop) {
            [bounds = self.bounds] in HistogramSeries(bounds: bounds)
        }
    }

    /// The series of these label values, to be kept and observed into; `nil` beyond the limit.
    package func series(_ labelValues: [String]) -> HistogramSeries? {
        table.series(labelValues)
    }

    /// Counts one observation.
    package func observe(_ value: Double, _ labelValues: [String]) {
        table.series(labelValues)?.observe(value)
    }

    var name: String { header.name }
    var dropped: UInt64 { table.dropped }

    func write(to text: inout PrometheusText) {
        text.head(header.name, "histogram", header.help)
        for (values, series) in table.all {
            let snapshot = series.snapshot
            var total: UInt64 = 0
            for (place, count) in snapshot.counts.enumerated() {
                total += count
                let bound = place < bounds.count ? PrometheusText.number(bounds[place]) : "+Inf"
                text.sample("\(header.name)_bucket", header.labels + ["le"], values + [bound], Double(total))
            }
            text.sample("\(header.name)_sum", header.labels, values, snapshot.sum)
            text.sample("\(header.name)_count", header.labels, values, Double(total))
        }
    }
}
