public import PluginAPI
import Synchronization

/// One ComfyUI server as a ``ComfyBackend``: what plugins use while no plugin provides a cluster.
///
/// Its prompts are in the server's own queue and history alone; they carry in their `extra_data` whose they are, so that
/// a restart of the daemon loses none. A restart of the server does.
public final class SingleServerBackend: ComfyBackend {
    let context: PluginContext
    let board: PromptBoard
    let contact: ServerContact
    let watch: ServerWatch

    /// Makes a backend of the server of `comfyui.base_url`; nothing is contacted.
    public init(_ context: PluginContext) {
        let contact = ServerContact(context)
        self.context = context
        self.contact = contact
        board = PromptBoard { contact.server }
        watch = ServerWatch(context, board: board, contact: contact)
    }

    /// Prepares the backend: what it needs of the disk is there afterwards.
    public func start() async throws {
        try await watch.start()
    }

    /// Follows the server until it is cancelled.
    public func run() async throws {
        await watch.run()
    }

    /// Ends all streams of events.
    public func drain() async {
        board.closeFeeds()
    }

    /// Degraded when the server does not answer.
    public func health() async -> HealthStatus {
        contact.problem.map { .degraded("The ComfyUI server does not answer: \($0).") }
            ?? .healthy
    }
}

// MARK: - The server

extension SingleServerBackend {
    /// The one server.
    public func servers() async throws -> [ComfyServer] { [contact.server] }

    /// The server, if it knows the prompt.
    public func owner(of promptID: String) async throws -> ComfyServer? {
        if board[promptID] != nil { return contact.server }
        return try await watch.find(promptID).map { _ in contact.server }
    }

    /// Reaches the server.
    ///
    /// - Throws: ``HTTPError`` 404 for another id.
    public func client(of serverID: String) throws -> any HTTPClient {
        guard serverID == ServerContact.serverID else {
            throw HTTPError(.notFound, "comfyui.unknown_server", "There is no server of this id.")
        }
        return watch.client.paths
    }

    /// Fetches a file; which prompt made it does not matter.
    public func file(
        _ reference: FileReference, of promptID: String, headers: HTTPFields
    ) async throws -> ClientResponse {
        try await watch.client.view(reference, headers: headers)
    }

    /// Keeps an input file and brings it to the server.
    public func keep(_ upload: InputUpload) async throws -> PlacedInput {
        try await watch.inputs.keep(upload, on: [(contact.server, watch.client)])
    }
}
