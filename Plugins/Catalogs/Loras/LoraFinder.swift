import PluginAPI

/// Finds out which LoRA files a server has, and which of them the catalog does not.
struct LoraFinder: Sendable {
    /// Knows the servers.
    let directory: ServerDirectory
    /// Knows what they have.
    let inventories: InventoryCache
    /// Knows what the catalog has.
    let files: LoraFiles
    /// Where the work is done that takes long.
    let blocking: any BlockingThreads

    /// The node whose choices are the files.
    private static let loader = "LoraLoaderModelOnly"
    /// Without that node nothing is known, which is not the same as nothing installed.
    private static let unlisted = HTTPError(
        .badGateway, "COMFYUI_OBJECT_INFO_INVALID", "The server's /object_info has no \(loader).")

    /// Looks at a server; one that cannot be asked does not fail the look, because the catalog itself is fine.
    ///
    /// - Throws: ``DatabaseError``.
    func look(at executorID: String, untracked: Bool, refresh: Bool) async throws -> InstalledLoras {
        var installed = InstalledLoras(executorID: executorID)
        do {
            let server = try await directory.server(executorID)
            installed.baseURL = server.baseURL
            let inventory = try await inventories.inventory(of: server, refresh: refresh)
            guard inventory.nodeKeys.contains(Self.loader) else { throw Self.unlisted }
            installed = try await blocking.run { [installed] in
                var installed = installed
                installed.take(inventory.models["lora"] ?? [])
                return installed
            }
        } catch let error as HTTPError {
            directory.context.logger.debug(
                "a server's LoRAs could not be read", ["server.id": executorID, "error": "\(error)"])
            installed.problem = error.code
            return installed
        }
        guard untracked else { return installed }
        // Over the whole table: a row that a filter hides is catalogued all the same.
        let known = try await files.known(among: installed.names)
        installed.untracked = installed.files?.filter { !known.contains(NameKey($0, "lora")) }
        return installed
    }
}
