import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("Metrics")
struct MetricsTests {
    /// The text without the line about dropped series, which is always there.
    static func text(_ registry: MetricsRegistry) -> String {
        registry.text().split(separator: "\n").filter { !$0.contains("comfyd_metrics_dropped") }
            .joined(separator: "\n")
    }

    @Test("counters, gauges and histograms are written as Prometheus text")
    func writing() {
        let registry = MetricsRegistry()
        let factory = registry.factory(plugin: "gateway")
        let jobs = factory.counter("jobs_total", "Jobs.", labels: ["state"])
        jobs.increment("done")
        jobs.increment(by: 2.5, ["done"])
        jobs.increment("failed")
        let depth = factory.gauge("depth", "Depth of\nthe \\ queue.", labels: [])
        depth.set(-3, [])
        let time = factory.histogram("time_seconds", "Time.", labels: ["w"], buckets: [1, 0.1, 1, .infinity])
        for value in [0.1, 0.5, 7, .nan] { time.observe(value, ["a\"b\\c\nd"]) }
        #expect(
            Self.text(registry) == """
                # HELP comfyd_gateway_depth Depth of\\nthe \\\\ queue.
                # TYPE comfyd_gateway_depth gauge
                comfyd_gateway_depth -3
                # HELP comfyd_gateway_jobs_total Jobs.
                # TYPE comfyd_gateway_jobs_total counter
                comfyd_gateway_jobs_total{state="done"} 3.5
                comfyd_gateway_jobs_total{state="failed"} 1
                # HELP comfyd_gateway_time_seconds Time.
                # TYPE comfyd_gateway_time_seconds histogram
                comfyd_gateway_time_seconds_bucket{w="a\\"b\\\\c\\nd",le="0.1"} 1
                comfyd_gateway_time_seconds_bucket{w="a\\"b\\\\c\\nd",le="1"} 2
                comfyd_gateway_time_seconds_bucket{w="a\\"b\\\\c\\nd",le="+Inf"} 3
                comfyd_gateway_time_seconds_sum{w="a\\"b\\\\c\\nd"} 7.6
                comfyd_gateway_time_seconds_count{w="a\\"b\\\\c\\nd"} 3
                """)
    }

    @Test("a name registered twice is one metric; another type keeps the first and is logged")
    func twice() {
        let logs = CapturedLogs()
        let registry = MetricsRegistry(logger: Logger(sink: logs))
        let factory = registry.factory()
        factory.counter("x_total", "X.", labels: []).increment()
        factory.counter("x_total", "X.", labels: []).increment()
        #expect(logs.lines.isEmpty)
        factory.gauge("x_total", "X.", labels: []).set(9, [])
        #expect(Self.text(registry).hasSuffix("# TYPE comfyd_x_total counter\ncomfyd_x_total 2"))
        #expect(logs.lines.first?["metric"] == "comfyd_x_total")
    }

    @Test("series beyond the limit are dropped and counted, existing ones go on")
    func limit() {
        let logs = CapturedLogs()
        let registry = MetricsRegistry(logger: Logger(sink: logs))
        let counter = registry.factory(plugin: "p").counter("c_total", "C.", labels: ["id"])
        for id in 0..<1010 { counter.increment(String(id)) }
        counter.increment("5")
        let lines = registry.text().split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("comfyd_p_c_total{") } == MetricsRegistry.defaultLimit)
        #expect(lines.contains("comfyd_p_c_total{id=\"5\"} 2"))
        #expect(lines.contains("comfyd_metrics_dropped_series_total{metric=\"comfyd_p_c_total\"} 10"))
        #expect(logs.lines.count == 1)
    }

    @Test("names that Prometheus would refuse are repaired")
    func names() {
        let registry = MetricsRegistry()
        registry.factory(plugin: "my-plugin").counter("größe.total", "", labels: ["1st", "le", "__x", "a-b", "a.b"])
            .increment(by: 1, ["1", "2", "3", "4", "5"])
        #expect(
            Self.text(registry) == """
                # TYPE comfyd_my_plugin_gr____e_total counter
                comfyd_my_plugin_gr____e_total{_1st="1",exported_le="2",_x="3",a_b="4",a_b_="5"} 1
                """)
    }

    @Test("wrong numbers of label values and negative amounts do no harm")
    func misuse() {
        let registry = MetricsRegistry()
        let counter = registry.factory().counter("c_total", "", labels: ["a", "b"])
        counter.increment("1")
        counter.increment("1", "2", "3")
        counter.increment(by: -1, ["1", "2"])
        counter.increment(by: .nan, ["1", "2"])
        let gauge = registry.factory().gauge("g", "", labels: ["a"])
        gauge.set(.nan, ["n"])
        gauge.set(.infinity, ["i"])
        gauge.set(1e300, ["l"])
        gauge.set(0.25, ["f"])
        gauge.set(1, ["gone"])
        gauge.remove(["gone"])
        #expect(
            Self.text(registry) == """
                # TYPE comfyd_c_total counter
                comfyd_c_total{a="1",b=""} 1
                comfyd_c_total{a="1",b="2"} 1
                # TYPE comfyd_g gauge
                comfyd_g{a="f"} 0.25
                comfyd_g{a="i"} +Inf
                comfyd_g{a="l"} 1e+300
                comfyd_g{a="n"} NaN
                """)
    }

    @Test("increments from many tasks are all counted")
    func concurrency() async {
        let registry = MetricsRegistry()
        let counter = registry.factory().counter("c_total", "", labels: ["a"])
        let histogram = registry.factory().histogram("h_seconds", "", labels: [], buckets: [1])
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.increment(String(task % 2))
                        histogram.observe(0.5, [])
                    }
                }
            }
        }
        let text = registry.text()
        #expect(text.contains("comfyd_c_total{a=\"0\"} 4000\n"))
        #expect(text.contains("comfyd_c_total{a=\"1\"} 4000\n"))
        #expect(text.contains("comfyd_h_seconds_sum 4000\n"))
    }

    @Test("the process is measured when it is asked for")
    func process() throws {
        let registry = MetricsRegistry()
        let clock = ManualClock()
        ProcessMetrics.install(in: registry, clock: clock, version: "1.2.3", loops: 2)
        clock.advance(by: .seconds(90))
        let lines = registry.text().split(separator: "\n")
        func value(_ name: String) -> Double? {
            lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
        }
        #expect(try #require(value("process_resident_memory_bytes")) > 1_000_000)
        #expect(try #require(value("process_open_fds")) >= 3)
        #expect(try #require(value("process_max_fds")) >= 3)
        #expect(try #require(value("process_cpu_seconds_total")) > 0)
        #expect(value("comfyd_uptime_seconds") == 90)
        #expect(value("process_start_time_seconds") == 1_767_225_600)
        #expect(lines.contains("comfyd_event_loops 2"))
        #expect(lines.contains("comfyd_build_info{version=\"1.2.3\"} 1"))
    }
}
