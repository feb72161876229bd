import CLinux
import Glibc
package import PluginAPI

/// The process as Prometheus' client libraries report it, read from `/proc/self` at each scrape.
package struct ProcessMetrics: Sendable {
    private let memory: GaugeMetric
    private let addressSpace: GaugeMetric
    private let descriptors: GaugeMetric
    private let descriptorLimit: GaugeMetric
    private let uptime: GaugeMetric
    private let cpu: ScalarSeries?

    /// Registers the metrics and their collector; `loops` is the number of event loops.
    package static func install(in registry: MetricsRegistry, clock: any TimeSource, version: String, loops: Int) {
        let metrics = ProcessMetrics(registry)
        registry.gauge(named: "comfyd_event_loops", "Event loops, one per core.").set(Double(loops), [])
        registry.gauge(named: "comfyd_build_info", "Always 1; the label has the version.", labels: ["version"])
            .set(1, [version])
        let started = clock.now
        registry.gauge(named: "process_start_time_seconds", "Start time since the epoch.")
            .set(Double(clock.wallClock.milliseconds) / 1000, [])
        registry.addCollector { metrics.collect(uptime: started.duration(to: clock.now).inSeconds) }
    }

    private init(_ registry: MetricsRegistry) {
        memory = registry.gauge(named: "process_resident_memory_bytes", "Resident memory.")
        addressSpace = registry.gauge(named: "process_virtual_memory_bytes", "Virtual memory.")
        descriptors = registry.gauge(named: "process_open_fds", "Open file descriptors.")
        descriptorLimit = registry.gauge(named: "process_max_fds", "The limit of open file descriptors.")
        uptime = registry.gauge(named: "comfyd_uptime_seconds", "Time since the start.")
        cpu = registry.counter(named: "process_cpu_seconds_total", "CPU time, user and system.").series([])
    }

    private func collect(uptime seconds: Double) {
        uptime.set(seconds, [])
        let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
        let pages = Self.statm()
        if pages.count >= 2 {
            addressSpace.set(pages[0] * pageSize, [])
            memory.set(pages[1] * pageSize, [])
        }
        if let count = Self.openDescriptors() { descriptors.set(Double(count), []) }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            descriptorLimit.set(Double(limit.rlim_cur), [])
        }
        cpu?.set(Double(comfyd_cpu_microseconds()) / 1e6)
    }

    /// Reads `/proc/self/statm`, whose numbers are pages of the whole size, the resident part and more.
    private static func statm() -> [Double] {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return [] }
        return String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ").compactMap { Double($0) }
    }

    private static func openDescriptors() -> Int? {
        // Since Linux 6.2 the folder's size is the number; counting 10,000 entries would hold up the loop.
        var information = stat()
        if stat("/proc/self/fd", &information) == 0, information.st_size > 0 { return Int(information.st_size) }
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Without `.`, `..` and the descriptor of the listing itself.
        return max(0, count - 3)
    }
}
