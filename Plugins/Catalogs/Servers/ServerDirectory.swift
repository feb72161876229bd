import ComfyUI
import PluginAPI

/// Knows what `executorId` means (`spec/catalogs.md` §5): another id for a worker, the id of a worker, its name, an executor
/// of the configuration, and without a cluster `default`.
struct ServerDirectory: Sendable {
    /// Gives the cluster, if there is one.
    let context: PluginContext
    /// The executors of the configuration, in its order.
    let executors: [ExecutorEntry]

    /// The id of the one server of `comfyui.base_url`.
    static let singleID = "default"

    /// The server with an id.
    ///
    /// - Throws: ``HTTPError`` 404 `EXECUTOR_NOT_FOUND`, 400 `EXECUTOR_TYPE_NOT_COMFYUI`, 400 `COMFYUI_BASE_URL_MISSING`.
    func server(_ executorID: String) async throws -> CatalogServer {
        if let server = try await known()[executorID] { return server }
        guard let entry = executors.first(where: { $0.id == executorID }) else {
            throw HTTPError(.notFound, "EXECUTOR_NOT_FOUND", "There is no such executor.")
        }
        guard entry.isComfyUI else {
            throw HTTPError(.badRequest, "EXECUTOR_TYPE_NOT_COMFYUI", "The executor is no ComfyUI server.")
        }
        throw HTTPError(
            .badRequest, "COMFYUI_BASE_URL_MISSING",
            entry.worker.isEmpty ? "The executor has no base URL." : "The executor's worker is not registered.")
    }

    /// All servers that count, by id.
    ///
    /// None is there twice: workers rank above executors with the same address, and those above the single server.
    func active() async throws -> [CatalogServer] {
        try await known().active()
    }

    /// All servers with an address, and the ids that lead to them.
    func known() async throws -> KnownServers {
        var known = KnownServers()
        let cluster = context.capabilities[.comfyBackend]
        if let cluster { try await addWorkers(of: cluster, to: &known) }
        for entry in executors where entry.isComfyUI {
            guard let url = entry.baseURL else { continue }
            known.add(
                CatalogServer(
                    id: entry.id, name: entry.name ?? entry.id, baseURL: url, source: .executor,
                    isActive: entry.isActive, client: client(url, entry.credentials.pair),
                    root: CatalogServer.root(of: url).map { client($0, entry.credentials.pair) }))
        }
        if cluster == nil, !executors.contains(where: { $0.id == Self.singleID }) {
            let url = context.daemon.comfyBaseURL
            known.add(
                CatalogServer(
                    id: Self.singleID, name: url, baseURL: url, source: .single, isActive: true, client: client(url),
                    root: CatalogServer.root(of: url).map { client($0) }))
        }
        return known
    }

    private func client(_ url: String, _ credentials: BasicCredentials? = nil) -> ComfyClient {
        ComfyClient(baseURL: url, credentials: credentials, http: context.httpClient)
    }

    private func addWorkers(of cluster: any ComfyBackend, to known: inout KnownServers) async throws {
        let workers = try await cluster.servers()
        var aliases: [String: [ExecutorEntry]] = [:]
        var taken: Set<String> = []
        for entry in executors where entry.isComfyUI && !entry.worker.isEmpty {
            let worker = workers.first { $0.id == entry.worker } ?? workers.first { $0.name == entry.worker }
            guard let worker else { continue }
            aliases[worker.id, default: []].append(entry)
            taken.insert(entry.id)
        }
        var found: [(worker: ComfyServer, server: CatalogServer)] = []
        for worker in workers {
            // One that was removed meanwhile has no client.
            guard let paths = try? cluster.client(of: worker.id) else { continue }
            let alias = aliases[worker.id]?.first
            // Where its own id stands for another worker, its name is left.
            let ownID = taken.contains(worker.id) ? worker.name : worker.id
            let server = CatalogServer(
                id: alias?.id ?? ownID, name: alias?.name ?? worker.name, baseURL: worker.url, source: .worker,
                isActive: worker.enabled && alias?.isActive ?? true, isHealthy: worker.healthy,
                client: ComfyClient(baseURL: "", http: paths))
            found.append((worker, server))
        }
        // An id that stands for several things means the first of: another id, a worker's own, a worker's name.
        for (worker, server) in found where aliases[worker.id] != nil {
            known.add(server, as: aliases[worker.id]?.map(\.id) ?? [])
        }
        for (worker, server) in found { known.add(server, as: [worker.id]) }
        for (worker, server) in found { known.add(server, as: [worker.name]) }
    }
}
