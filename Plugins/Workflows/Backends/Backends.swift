import ComfyUI
import PluginAPI

/// What runs the prompts: the cluster of another plugin, else the one server of `comfyui.base_url`.
///
/// The only place that knows which of the two it is.
struct Backends: Sendable {
    private let context: PluginContext
    private let single: SingleServerBackend

    /// Makes the choice possible; nothing is contacted.
    init(_ context: PluginContext) {
        self.context = context
        single = SingleServerBackend(context)
    }

    /// The backend in use; from `start` on.
    var current: any ComfyBackend { cluster ?? single }

    private var cluster: (any ComfyBackend)? { context.capabilities[.comfyBackend] }

    /// Takes up what the single server has, if it is the one in use.
    func start() async throws {
        if cluster == nil { try await single.start() }
    }

    /// Follows the single server until it is cancelled; ends at once when another plugin has a cluster.
    func run() async throws {
        if cluster == nil { try await single.run() }
    }

    /// Ends the streams of events of the single server.
    func drain() async {
        await single.drain()
    }

    /// Whether prompts can run now.
    func health() async -> HealthStatus {
        cluster == nil ? await single.health() : .healthy
    }

    /// Why no prompt can run now; `nil` when one can.
    func problem() async -> String? {
        switch await health() {
        case .healthy: break
        case .degraded(let reason), .failing(let reason): return reason
        @unknown default: break
        }
        let servers = (try? await current.servers()) ?? []
        return servers.contains { $0.enabled && $0.healthy } ? nil : "No ComfyUI server can be used."
    }
}
