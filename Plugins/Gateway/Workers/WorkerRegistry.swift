import ComfyUI
import PluginAPI
import Synchronization

/// Registers, changes and removes workers: on disk first, then in the pool.
final class WorkerRegistry: Sendable {
    /// The workers as they are now.
    let pool: WorkerPool
    /// The input files that workers need, and which of them they have.
    let inputs: InputStore
    /// The credentials for workers without a pair of their own.
    let shared: SharedCredentials
    /// Wakes the supervisor after a change.
    let changes = Wakeup()
    /// Prompts on their way to workers.
    let submits = InterruptibleCalls()

    /// Knows which prompts on a worker are ours; there from ``attach(_:)`` on.
    private let table = Mutex<JobTable?>(nil)

    private let store: WorkerStore
    private let configuration: GatewayConfiguration
    private let context: PluginContext
    /// A change reads, checks and writes: one after the other.
    private let turns = Turnstile()

    /// The longest time for one look at a queue.
    static let probeTimeout = Duration.seconds(5)

    /// Makes a registry; nothing is loaded yet.
    init(pool: WorkerPool, inputs: InputStore, configuration: GatewayConfiguration, context: PluginContext) {
        self.pool = pool
        self.inputs = inputs
        self.configuration = configuration
        self.context = context
        shared = SharedCredentials(configured: configuration.sharedCredentials, context: context)
        store = WorkerStore(database: context.database, secrets: context.secrets)
    }

    /// Learns which prompts on a worker are ours.
    func attach(_ table: JobTable) {
        self.table.withLock { $0 = table }
    }

    /// Loads the settings and the stored workers, then adds those of the configuration whose URL is new.
    ///
    /// - Throws: ``DatabaseError``; what the sealing throws when the key was changed.
    func load() async throws {
        try await shared.load()
        let stored = try await store.all()
        for worker in stored { pool.put(worker) }
        var isThere: [String: Bool] = [:]
        for worker in stored { isThere[worker.url] = !worker.isRemoved || isThere[worker.url] ?? false }
        var fresh: [Worker] = []
        for listed in configuration.workers {
            guard let url = ServerURL(listed.url)?.text, isThere[url] != true else { continue }
            let (username, password) = (listed.credentials.username, listed.credentials.password)
            let worker = Worker(
                id: PromptID.random(), url: url, name: listed.name.isEmpty ? url : listed.name,
                weight: listed.weight, enabled: true, authUsername: username.isEmpty ? nil : username,
                authPassword: password.isEmpty ? nil : password)
            // One that was deleted gets its old id back.
            if isThere[url] == false { _ = try await add(worker) } else { fresh.append(worker) }
            isThere[url] = true
        }
        guard !fresh.isEmpty else { return }
        // One transaction: with a thousand workers, one each would take seconds.
        try await store.insert(fresh, at: context.clock.wallClock)
        for worker in fresh { pool.put(worker) }
        changes.set()
    }

    /// Registers a worker.
    ///
    /// One that was deleted and has the same URL comes back with its old id, so that its old jobs still have an owner.
    ///
    /// - Throws: ``WorkerError/urlTaken(by:)``, ``DatabaseError``.
    func add(_ worker: Worker) async throws -> Worker {
        try await turns.pass { try await addAlone(worker) }
    }

    private func addAlone(_ worker: Worker) async throws -> Worker {
        if let other = find(url: worker.url) { throw WorkerError.urlTaken(by: other.id) }
        var worker = worker
        if let old = pool.everyMember.first(where: { $0.worker.isRemoved && $0.worker.url == worker.url })?.worker {
            worker.id = old.id
            try await store.update(worker)
        } else if pool[worker.id] != nil {
            throw WorkerError.idTaken(by: worker.id)
        } else {
            try await store.insert([worker], at: context.clock.wallClock)
        }
        pool.put(worker)
        changes.set()
        return worker
    }

    /// Changes a worker.
    ///
    /// - Throws: ``WorkerError``, ``DatabaseError``.
    func update(_ id: String, _ change: (inout Worker) -> Void) async throws -> Worker {
        try await turns.pass {
            guard var worker = find(id) else { throw WorkerError.unknown }
            let before = worker.url
            change(&worker)
            if let other = find(url: worker.url), other.id != id { throw WorkerError.urlTaken(by: other.id) }
            try await store.update(worker)
            pool.put(worker)
            if worker.url != before { inputs.forget(serverID: id) }
            changes.set()
            return worker
        }
    }

    /// Removes a worker.
    ///
    /// Results of its jobs are kept, and jobs it still has are followed to their end.
    ///
    /// - Throws: ``WorkerError/unknown``, ``DatabaseError``.
    func remove(_ id: String) async throws {
        try await turns.pass {
            guard var worker = find(id) else { throw WorkerError.unknown }
            worker.isRemoved = true
            try await store.update(worker)
            pool.put(worker)
            changes.set()
        }
    }

    /// A worker that is not removed.
    func find(_ id: String) -> Worker? {
        guard let worker = pool[id]?.worker, !worker.isRemoved else { return nil }
        return worker
    }

    private func find(url: String) -> Worker? {
        pool.members.first { $0.worker.url == url }?.worker
    }

    /// A client of a worker, with its own credentials, else the shared ones.
    func client(_ worker: Worker) -> ComfyClient {
        ComfyClient(
            baseURL: worker.url, credentials: worker.ownCredentials ?? shared.pair,
            timeout: configuration.requestTimeout, http: context.httpClient)
    }

    /// Hands a prompt to a worker; broken off when a look at its queue shows that it does not answer.
    ///
    /// - Throws: as ``ComfyClient/submit(_:)``.
    func submit(_ body: [UInt8], to worker: Worker) async throws -> PromptAnswer {
        let client = client(worker)
        if let answer = try await submits.run(worker.id, { try await client.submit(body) }) { return answer }
        throw Self.brokenOff
    }

    /// Brings a worker the input files that a prompt names and that it lacks; broken off like ``submit(_:to:)``.
    ///
    /// - Throws: as `InputStore.place`.
    func placeInputs(namedBy body: [UInt8], on worker: Worker) async throws {
        let (server, client) = (ComfyServer(worker), client(worker))
        // Without the event stream, nothing tells that the worker is the one it was.
        if pool[worker.id]?.connectedSince == nil { inputs.forget(serverID: worker.id) }
        let isDone: Void? = try await submits.run(worker.id) { [inputs] in
            try await inputs.place(named: body, on: server, client: client)
        }
        guard isDone == nil else { return }
        throw Self.brokenOff
    }

    private static var brokenOff: HTTPClientError {
        HTTPClientError(.timeout, mayHaveBeenProcessed: true, "broken off: the worker does not answer any more")
    }

    /// Reads the ids in a worker's queue now, and counts the result as a health probe.
    ///
    /// - Throws: ``HTTPClientError``, ``ComfyServerError``, `CancellationError`.
    func probe(_ worker: Worker) async throws -> QueueOutline {
        let timeout = min(Self.probeTimeout, configuration.requestTimeout)
        return try await judge(worker, { try await $0.with(timeout: timeout).queueOutline() }) { $0 }
    }

    /// Reads a worker's whole queue now, and counts the result as a health probe; one that is only late is not judged,
    /// because this limit is for the caller's sake.
    ///
    /// - Throws: ``HTTPClientError``, ``ComfyServerError``, `CancellationError`.
    func queue(of worker: Worker, within limit: Duration) async throws -> QueueSnapshot {
        let read = { [clock = context.clock] (client: ComfyClient) in
            try await Deadline.run(limit, clock: clock) { try await client.with(timeout: limit).queue() }
        }
        return try await judge(worker, sparesLate: true, read) { QueueOutline($0) }
    }

    private func judge<T: Sendable>(
        _ worker: Worker, sparesLate: Bool = false, _ read: (ComfyClient) async throws -> T,
        _ outline: (T) -> QueueOutline
    ) async throws -> T {
        // A job that ends while the queue is read is not somebody else's.
        let before = ownIDs(worker.id)
        do {
            let reading = try await read(client(worker))
            let queue = outline(reading)
            let own = before.union(ownIDs(worker.id))
            let foreign = (queue.running + queue.pending).count { !own.contains($0) }
            pool.finishReading(
                worker.id, running: queue.running.count, pending: queue.pending.count, foreign: foreign,
                head: queue.running.first ?? queue.pending.first, now: context.clock.now)
            return reading
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as HTTPClientError where sparesLate && error.reason == .timeout {
            throw error
        } catch {
            pool.fail(worker.id, error, now: context.clock.now)
            if error is HTTPClientError { submits.interrupt(worker.id) }
            throw error
        }
    }

    private func ownIDs(_ workerID: String) -> Set<String> {
        table.withLock { $0 }?.idsOnWorker(workerID) ?? []
    }
}

/// Why a change of the workers is refused.
enum WorkerError: HTTPErrorConvertible {
    /// There is no such worker.
    case unknown
    /// The URL belongs to another worker.
    case urlTaken(by: String)
    /// The id belongs to another worker, or did.
    case idTaken(by: String)

    /// 404 `gateway.unknown_worker`; 409 `gateway.worker_exists` or `gateway.worker_id_taken`, with the other one's
    /// `worker_id`.
    var httpError: HTTPError {
        switch self {
        case .unknown:
            HTTPError(.notFound, "gateway.unknown_worker", "There is no such worker.")
        case .idTaken(let id):
            HTTPError(
                .conflict, "gateway.worker_id_taken", "Another worker has, or had, this worker_id.",
                details: ["worker_id": .string(id)])
        case .urlTaken(let id):
            HTTPError(
                .conflict, "gateway.worker_exists", "A worker with this URL is already registered.",
                details: ["worker_id": .string(id)])
        }
    }
}
