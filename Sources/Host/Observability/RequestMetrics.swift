import PluginAPI
import Synchronization

/// The metrics of all requests; labels are templates, never raw paths.
struct RequestMetrics: Sendable {
    private let requests: CounterMetric
    private let durations: HistogramMetric

    init(_ registry: MetricsRegistry) {
        requests = registry.counter(
            named: "comfyd_http_requests_total", "Answered requests.",
            labels: ["plugin", "route", "method", "status"], limit: 5000)
        durations = registry.histogram(
            named: "comfyd_http_request_duration_seconds", "Time until a request's handler returned.",
            labels: ["plugin", "route"],
            buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
    }

    /// The part of one route.
    func route(_ template: String, of plugin: String) -> RouteMetrics {
        RouteMetrics(requests: requests, duration: durations.series([plugin, template]), labels: [plugin, template])
    }
}

/// The metrics of one route, found once.
final class RouteMetrics: Sendable {
    private let requests: CounterMetric
    private let duration: HistogramSeries?
    private let labels: [String]
    /// By status and method; few, so a scan is the fastest look-up.
    private let known = Mutex<[(key: Int, series: ScalarSeries?)]>([])

    init(requests: CounterMetric, duration: HistogramSeries?, labels: [String]) {
        self.requests = requests
        self.duration = duration
        self.labels = labels
    }

    /// Counts one answer.
    func count(_ method: MethodCode, _ status: Int, seconds: Double) {
        duration?.observe(seconds)
        let key = status << 3 | method.rawValue
        let series = known.withLock { known -> ScalarSeries? in
            for entry in known where entry.key == key { return entry.series }
            let series = requests.series(labels + [method.label, String(status)])
            // Without a series there is nothing to remember, and the registry counts what it drops.
            if series != nil { known.append((key, series)) }
            return series
        }
        series?.add(1)
    }
}
