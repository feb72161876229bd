import PluginAPI

/// What the servers have, remembered for a while: `/object_info` is several megabytes.
final class InventoryCache: Sendable {
    /// What a server has.
    ///
    /// - Parameter refresh: Whether the server is asked whatever is remembered.
    /// - Throws: ``HTTPError`` 502 `COMFYUI_OBJECT_INFO_ERROR` or `COMFYUI_OBJECT_INFO_INVALID`.
    func inventory(of server: CatalogServer, refresh: Bool = false) async throws -> ServerInventory {
        ServerInventory()
    }
}
