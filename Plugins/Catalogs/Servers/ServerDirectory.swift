import ComfyUI
import PluginAPI

/// Knows what `executorId` means (`spec/catalogs.md` §5).
struct ServerDirectory: Sendable {
    /// Gives the cluster, if there is one.
    let context: PluginContext

    /// The server with an id.
    ///
    /// - Throws: ``HTTPError`` 404 `EXECUTOR_NOT_FOUND`, 400 `EXECUTOR_TYPE_NOT_COMFYUI`, 400 `COMFYUI_BASE_URL_MISSING`.
    func server(_ executorID: String) async throws -> CatalogServer {
        throw HTTPError(.notFound, "EXECUTOR_NOT_FOUND", "There is no such executor.")
    }

    /// All servers that count, by id.
    func active() async throws -> [CatalogServer] { [] }

    /// All servers with an address, and the ids that lead to them.
    func known() async throws -> KnownServers { KnownServers() }
}
