public import PluginAPI
internal import Synchronization

/// Keeps input files on disk and brings them to the servers that need them.
///
/// The disk is what counts; in memory are the names, so that a prompt that names none of them costs nothing, and what each server
/// has got. Files are replaced as a whole, so a server has what is on disk when it got the file of that inode and time.
/// Nothing here removes a file of the type input; temporary ones go after a day.
public final class InputStore: Sendable {
    /// More names than this are not kept in memory; then the disk is asked.
    static let indexLimit = 100_000
    /// At most so many servers are brought the same upload at a time.
    static let uploadsAtOnce = 8
    /// Names that are tried for a file that must not replace another.
    static let maximumCopies = 10_000
    /// Temporary files are looked through so often, when something comes in.
    static let sweepInterval = Duration.seconds(3600)

    /// Files that came in and got no name are removed after so long; at a start, when hardly anybody can be at work, earlier.
    static let draftLife = Duration.seconds(3600)
    static let draftLifeAtStart = Duration.seconds(60)

    /// A server that broke down over a file (500) is not asked to take the same one for so long: a prompt that waits may come
    /// again at once.
    static let refusalPause = Duration.seconds(2)

    struct Delivery: Hashable {
        let serverID: String
        let name: InputName
    }

    /// What a server said against a file.
    struct Refusal {
        let error: ComfyServerError
        let stamp: InputFile.Stamp
        let until: Instant
    }

    struct State {
        var names: Set<InputName> = []
        /// Whether all names that are on disk are in ``names``.
        var isComplete = true
        /// What each server got, by its id.
        var delivered: [String: [InputName: InputFile.Stamp]] = [:]
        /// Counts how often a server was forgotten: what it got before does not count.
        var ages: [String: UInt] = [:]
        var underWay: [Delivery: UploadUnderWay] = [:]
        var refusals: [Delivery: Refusal] = [:]
        var lastSweep: Instant?
    }

    let folder: InputFolder
    let blocking: any BlockingThreads
    let clock: any TimeSource
    let logger: Logger
    let state = Mutex(State())

    /// Makes a store of a folder; the disk is not touched.
    public init(directory: String, blocking: any BlockingThreads, clock: any TimeSource, logger: Logger) {
        folder = InputFolder(directory: directory)
        self.blocking = blocking
        self.clock = clock
        self.logger = logger
    }

    /// Whether nothing is kept, so that prompts need not be looked at.
    public var isEmpty: Bool { state.withLock { $0.names.isEmpty && $0.isComplete } }

    /// Learns what is on disk, and removes what an earlier process left unfinished.
    ///
    /// - Throws: `CancellationError` when the daemon ends.
    public func load() async throws {
        let (folder, now) = (folder, clock.wallClock)
        let found = try await blocking.run {
            folder.removeDrafts(olderThan: Self.draftLifeAtStart, now: now)
            _ = folder.sweepTemporary(now: now, limit: Self.indexLimit)
            return folder.names(limit: Self.indexLimit)
        }
        state.withLock { state in
            state.names.formUnion(found.names)
            state.isComplete = found.isComplete
            state.lastSweep = clock.now
        }
        if !found.isComplete {
            logger.warning("Not all input files are known: the disk is asked for those that prompts name.")
        }
        guard !found.names.isEmpty else { return }
        logger.info("Input files are kept.", ["count": "\(found.names.count)", "complete": "\(found.isComplete)"])
    }

    /// Forgets what a server got: after an outage it may be another one, or an empty one.
    public func forget(serverID: String) {
        state.withLock { state in
            state.delivered[serverID] = nil
            state.refusals = state.refusals.filter { $0.key.serverID != serverID }
            state.ages[serverID, default: 0] &+= 1
        }
    }

    /// Keeps an uploaded file and brings it to servers; once this returns it is durable, and on each server that is not named
    /// in ``PlacedInput/missingOn``.
    ///
    /// A file that no server took is kept all the same: the same upload again, or a prompt that names it, brings it there.
    ///
    /// - Parameter servers: The enabled ones, reachable or not.
    /// - Throws: ``HTTPError`` 400 `inputs.bad_name`; 507 `inputs.disk_full` or 500 `inputs.not_kept`, and nothing is kept; 503
    ///   `inputs.no_server`.
    public func keep(_ upload: InputUpload, on servers: [(ComfyServer, ComfyClient)]) async throws -> PlacedInput {
        let name = try await store(upload, servers)
        let missing = try await bring(name, contentType: upload.contentType, to: servers)
        guard missing.count < servers.count else {
            throw HTTPError(
                .serviceUnavailable, "inputs.no_server",
                "No ComfyUI server took the file. It is kept, and comes to a server with the first prompt that names it."
            )
        }
        return PlacedInput(reference: name.reference, missingOn: missing)
    }

    /// Brings all kept files that a prompt names to the server it will go to, as far as that lacks them.
    ///
    /// A file that is gone from disk, or that the server refuses for its own reasons (4xx), is passed over with a warning: the
    /// server then says what it lacks.
    ///
    /// - Parameter body: The body of `POST /prompt` that will be sent.
    /// - Throws: ``HTTPClientError`` or ``ComfyServerError`` when the server cannot take files now; `CancellationError`.
    public func place(named body: [UInt8], on server: ComfyServer, client: ComfyClient) async throws {
        guard !isEmpty else { return }
        let named = GraphNames.scan(body)
        let (kept, isComplete) = state.withLock { ($0.names, $0.isComplete) }
        for name in named where !isComplete || kept.contains(name) {
            do {
                try await bring(name, contentType: MediaType.of(name.filename), to: server, client)
            } catch let problem as InputProblem {
                // In an index that is not complete most texts are no names at all.
                if isComplete { passOver(name, server, "\(problem)") }
            } catch let error as ComfyServerError where (400..<500).contains(error.status?.code ?? 0) {
                passOver(name, server, error.reason)
            }
        }
    }

    private func passOver(_ name: InputName, _ server: ComfyServer, _ problem: String) {
        logger.warning(
            "A prompt names an input file that the server cannot be given.",
            ["file": name.path, "server": server.id, "problem": problem])
    }
}
