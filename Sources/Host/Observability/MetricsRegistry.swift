package import PluginAPI
import Synchronization

/// All metrics of the daemon, of the host and of every plugin, and their text for Prometheus.
package final class MetricsRegistry: Sendable {
    /// The most series of one metric; values of further ones are dropped and counted.
    package static let defaultLimit = 1000

    private struct State {
        var metrics: [String: any Metric] = [:]
        var collectors: [@Sendable () -> Void] = []
    }

    private let logger: Logger
    private let state = Mutex(State())

    /// Makes an empty registry.
    package init(logger: Logger = Logger()) {
        self.logger = logger
    }

    /// The factory of one plugin, whose names start with `comfyd_<plugin>_`; of the host with `comfyd_`.
    package func factory(plugin: String? = nil) -> any MetricsFactory {
        PrefixedFactory(registry: self, prefix: plugin.map { "comfyd_\($0)_" } ?? "comfyd_")
    }

    /// Calls a body before each scrape, for gauges that are read when they are asked for.
    package func addCollector(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.collectors.append(body) }
    }

    /// The counter of a full name.
    package func counter(
        named name: String, _ help: String, labels: [String] = [], limit: Int = defaultLimit
    ) -> CounterMetric {
        register(name, help, labels, limit, CounterMetric.init)
    }

    /// The gauge of a full name.
    package func gauge(
        named name: String, _ help: String, labels: [String] = [], limit: Int = defaultLimit
    ) -> GaugeMetric {
        register(name, help, labels, limit, GaugeMetric.init)
    }

    /// The histogram of a full name; without buckets it gets those of ``HistogramMetric/defaultBuckets``.
    package func histogram(
        named name: String, _ help: String, labels: [String] = [], buckets: [Double] = [], limit: Int = defaultLimit
    ) -> HistogramMetric {
        register(name, help, labels, limit) { HistogramMetric($0, buckets: buckets) }
    }

    /// Everything as Prometheus text 0.0.4, in the order of the names.
    package func text() -> String {
        for collect in state.withLock({ $0.collectors }) { collect() }
        let metrics = state.withLock { $0.metrics }.values.sorted { $0.name < $1.name }
        var text = PrometheusText()
        for metric in metrics { metric.write(to: &text) }
        let name = "comfyd_metrics_dropped_series_total"
        text.head(name, "counter", "Values that were dropped because their metric has too many series.")
        for metric in metrics where metric.dropped > 0 {
            text.sample(name, ["metric"], [metric.name], Double(metric.dropped))
        }
        return text.text
    }

    /// The content type of ``text()``.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The metric of that name, made now if there is none; a second one of another type works, but is not shown.
    private func register<M: Metric>(
        _ rawName: String, _ help: String, _ labels: [String], _ limit: Int, _ make: (MetricHeader) -> M
    ) -> M {
        let name = MetricName.metric(rawName)
        let header = MetricHeader(name: name, help: help, labels: MetricName.labels(labels), limit: limit) {
            [logger] in
            logger.warning("a metric has too many series; further ones are dropped", ["metric": name])
        }
        let (metric, clashes) = state.withLock { state -> (M, Bool) in
            guard let known = state.metrics[name] else {
                let new = make(header)
                state.metrics[name] = new
                return (new, false)
            }
            if let known = known as? M { return (known, false) }
            return (make(header), true)
        }
        if clashes {
            logger.warning("a metric was registered twice with different types; the first is kept", ["metric": name])
        }
        return metric
    }
}

/// Puts a prefix before each name.
private struct PrefixedFactory: MetricsFactory {
    let registry: MetricsRegistry
    let prefix: String

    func counter(_ name: String, _ help: String, labels: [String]) -> any Counter {
        registry.counter(named: prefix + name, help, labels: labels)
    }

    func gauge(_ name: String, _ help: String, labels: [String]) -> any Gauge {
        registry.gauge(named: prefix + name, help, labels: labels)
    }

    func histogram(_ name: String, _ help: String, labels: [String], buckets: [Double]) -> any Histogram {
        registry.histogram(named: prefix + name, help, labels: labels, buckets: buckets)
    }
}
