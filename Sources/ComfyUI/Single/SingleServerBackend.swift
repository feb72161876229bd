public import PluginAPI

/// One ComfyUI server as a ``ComfyBackend``: what plugins use while no plugin provides a cluster.
public final class SingleServerBackend: ComfyBackend {
    private let context: PluginContext

    /// Makes a backend of the server of `comfyui.base_url`; nothing is contacted.
    public init(_ context: PluginContext) {
        self.context = context
    }

    /// Prepares the backend: what it needs of the disk is there afterwards.
    public func start() async throws {}

    /// Follows the server until it is cancelled.
    public func run() async throws {}

    /// Ends all streams of events.
    public func drain() async {}

    /// Whether the server answers.
    public func health() async -> HealthStatus { .healthy }

    private static var missing: HTTPError { HTTPError(.notImplemented, "comfyui.unsupported", "Not implemented.") }

    /// See ``ComfyBackend``.
    public func submit(_ submission: PromptSubmission) async throws -> SubmittedPrompt { throw Self.missing }
    /// See ``ComfyBackend``.
    public func job(_ promptID: String) async throws -> PromptJob? { throw Self.missing }
    /// See ``ComfyBackend``.
    public func follow(_ promptID: String) async throws -> AsyncStream<PromptEvent> { throw Self.missing }
    /// See ``ComfyBackend``.
    public func history(_ promptID: String) async throws -> JSON? { throw Self.missing }
    /// See ``ComfyBackend``.
    public func cancel(_ promptID: String) async throws -> Bool { throw Self.missing }
    /// See ``ComfyBackend``.
    public func servers() async throws -> [ComfyServer] { throw Self.missing }
    /// See ``ComfyBackend``.
    public func owner(of promptID: String) async throws -> ComfyServer? { throw Self.missing }
    /// See ``ComfyBackend``.
    public func file(
        _ reference: FileReference, of promptID: String, headers: HTTPFields
    ) async throws -> ClientResponse { throw Self.missing }
}
