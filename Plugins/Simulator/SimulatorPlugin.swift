internal import Glibc
public import PluginAPI

/// A stand-in for a ComfyUI 0.3.64 server, for trying out, tests and benchmarks.
public struct SimulatorPlugin: Plugin {
    /// Name, version and needs.
    public static let manifest = PluginManifest(
        name: "simulator", version: "1.0.0", summary: "Imitates a ComfyUI server, its faults included.")

    private let server: SimulatedServer

    /// Keeps its values.
    public init(configuration: SimulatorConfiguration, context: PluginContext) {
        func besideConfiguration(_ path: String) -> String {
            Self.absolute(path, below: context.daemon.configurationDirectory)
        }
        let output = configuration.outputDirectory.map(besideConfiguration)
        server = SimulatedServer(
            settings: configuration, folders: Folders(base: Self.absolute(context.dataDirectory), output: output),
            runLog: configuration.runLog.map(besideConfiguration), clock: context.clock, logger: context.logger,
            metrics: SimulatorMetrics(context.metrics))
    }

    /// Declares the surface at the root, the worker and a health check.
    public func configure(_ setup: inout PluginSetup) {
        let routes = SimulatorRoutes(server: server)
        setup.rootRoutes(claiming: ["/", "/api"], surface: .comfyUI, access: .open) { routes.declare(in: &$0) }
        let worker = Worker(server: server)
        setup.service("worker") { signal in
            _ = try await signal.cancelling { try await worker.run() }
        }
        let server = server
        setup.health("worker", affects: .information) {
            let (isDead, isExited) = server.withState { ($0.isWorkerDead || $0.settings.deadWorker, $0.isExited) }
            if isExited { return .degraded("the simulated process is gone; forget brings it back") }
            return isDead ? .degraded("the simulated worker is dead") : .healthy
        }
    }

    /// Makes the folders and wipes the temporary one.
    ///
    /// - Throws: ``RetriableStartError`` when the folders cannot be written.
    public func start() throws {
        guard server.prepare() else { throw RetriableStartError("cannot write below \(server.folders.path(.output))") }
    }

    /// Cuts the sockets.
    public func stop() {
        server.hub.dropAll()
    }

    private static func absolute(_ path: String, below folder: String = ".") -> String {
        if path.hasPrefix("/") { return path }
        if folder != "." { return absolute(folder) + "/" + path }
        guard let current = getcwd(nil, 0) else { return "/" + path }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }
}
