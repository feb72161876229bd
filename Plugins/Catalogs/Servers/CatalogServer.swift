import ComfyUI
import PluginAPI

/// A ComfyUI server as `executorId` names it.
struct CatalogServer: Sendable {
    /// Where it is known from.
    enum Source: String, Sendable, CaseIterable {
        /// A worker of the gateway.
        case worker
        /// An executor of this plugin's configuration.
        case executor
        /// The one server of `comfyui.base_url`.
        case single
    }

    /// Its id.
    let id: String
    /// Its name.
    let name: String
    /// Its address, without credentials and trailing slash.
    let baseURL: String
    /// Where it is known from.
    let source: Source
    /// Whether it counts when all servers are asked.
    let isActive: Bool
    /// Whether it answered last time; `nil` when nobody watches it.
    var isHealthy: Bool?
    /// Reaches it, with its credentials.
    let client: ComfyClient
}
