package import PluginAPI

/// The parts of a running daemon that live as long as the process.
package struct DaemonParts: Sendable {
    package let version: String
    package let loops: EventLoopGroup
    package let files: BlockingPool
    package let clock: any TimeSource
    package let log: LogWriter
    package let logger: Logger
    package let metrics: MetricsRegistry
    package let client: CurlHTTPClient

    /// Starts loops and client.
    package init(configuration: DaemonConfiguration, version: String, log: LogWriter) {
        self.version = version
        self.log = log
        loops =
            configuration.threads == 0 ? EventLoopGroup() : EventLoopGroup(count: configuration.threads)
        files = BlockingPool(name: "files", threads: 4)
        clock = MonotonicClock(loops: loops)
        logger = Logger(sink: log)
        metrics = MetricsRegistry(logger: logger)
        client = CurlHTTPClient(
            group: loops, logger: logger, settings: HTTPClientSettings(version: version))
        ProcessMetrics.install(in: metrics, clock: clock, version: version, loops: loops.loops.count)
    }

    /// Ends client, pool and loops; nothing uses them any more.
    ///
    /// Not to be called from a loop.
    package func shutDown() {
        files.shutDown()
        loops.shutDown()
    }
}
