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
    /// Reaches what is above an address that ends in `/api`; `nil` for other addresses, and for a worker, whose cluster lets
    /// nobody out of its address.
    var root: ComfyClient?

    /// The address without the `/api` at its end; `nil` when its path does not end so.
    static func root(of baseURL: String) -> String? {
        guard baseURL.hasSuffix("/api"), let scheme = baseURL.firstRange(of: "://") else { return nil }
        let root = baseURL.dropLast("/api".count)
        // `http://api` is a host.
        return root.endIndex > scheme.upperBound ? String(root) : nil
    }
}
