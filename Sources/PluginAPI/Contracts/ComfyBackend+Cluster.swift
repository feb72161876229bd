/// What a backend's queue holds: its own, and those of all its servers.
public struct PromptQueue: Sendable {
    /// What runs.
    public var running: [QueuedPrompt]
    /// What waits, in the order in which it will run; what waits in the backend's own queue comes last.
    public var pending: [QueuedPrompt]
    /// Enabled servers that did not tell their queue.
    public var unreachable: [ComfyServer]

    /// Makes a queue.
    public init(running: [QueuedPrompt] = [], pending: [QueuedPrompt] = [], unreachable: [ComfyServer] = []) {
        self.running = running
        self.pending = pending
        self.unreachable = unreachable
    }
}

/// A prompt in a queue.
public struct QueuedPrompt: Sendable {
    /// The id.
    public var promptID: String
    /// Whose it is, see ``JobCaller``; `nil` when it did not come through this backend.
    public var caller: String?
    /// The server whose queue it is in; `nil` while it waits in the backend.
    public var server: ComfyServer?
    /// The number, as ComfyUI gave it.
    public var number: JSON
    /// When it was submitted, if known.
    public var createdAt: Timestamp?
    /// ComfyUI's own form: `[number, prompt_id, graph, extra_data, outputs]`, without keys to paid services; the graph is
    /// `{}` while it waits in the backend.
    public var item: JSON

    /// Makes an entry.
    public init(
        promptID: String, caller: String? = nil, server: ComfyServer? = nil, number: JSON = 0,
        createdAt: Timestamp? = nil, item: JSON
    ) {
        self.promptID = promptID
        self.caller = caller
        self.server = server
        self.number = number
        self.createdAt = createdAt
        self.item = item
    }
}

/// What came of clearing one queue.
public struct QueueClearing: Sendable {
    /// The server; `nil` for the backend's own queue.
    public var server: ComfyServer?
    /// How many prompts were removed, as far as known.
    public var removed: Int
    /// Why the server's queue could not be cleared; a sentence that is safe to show.
    public var problem: String?

    /// Makes a result.
    public init(server: ComfyServer?, removed: Int = 0, problem: String? = nil) {
        self.server = server
        self.removed = removed
        self.problem = problem
    }
}

/// Something that happened to one of a client's prompts.
public struct ClientPromptEvent: Sendable {
    /// The prompt.
    public var promptID: String
    /// What happened.
    public var event: PromptEvent

    /// Makes an event.
    public init(promptID: String, event: PromptEvent) {
        self.promptID = promptID
        self.event = event
    }
}

/// A part of the list of results.
public struct HistoryRange: Sendable, Hashable {
    /// How many entries at most, the newest; `nil` leaves it to the backend.
    public var maxItems: Int?
    /// Where the part begins, from the oldest; `nil` means at the newest ``maxItems``.
    public var offset: Int?
    /// The one caller whose results may be seen; `nil` for all.
    public var caller: String?

    /// Makes a range.
    public init(maxItems: Int? = nil, offset: Int? = nil, caller: String? = nil) {
        self.maxItems = maxItems
        self.offset = offset
        self.caller = caller
    }
}

/// An uploaded input file, on disk.
public struct InputUpload: Sendable {
    /// Where it is; the backend takes the file away from there, whatever comes of it.
    public var path: String
    /// Its size in bytes.
    public var size: Int
    /// The name it should have: one path component.
    public var filename: String
    /// The folder below the type's root; empty at the root.
    public var subfolder: String
    /// `input` or `temp`.
    public var type: String
    /// Its media type, such as `image/png`.
    public var contentType: String
    /// Whether a file of that name is replaced; else the new one gets another name, unless it has the same content.
    public var overwrite: Bool

    /// Makes an upload.
    public init(
        path: String, size: Int, filename: String, subfolder: String = "", type: String = "input",
        contentType: String = "application/octet-stream", overwrite: Bool = true
    ) {
        self.path = path
        self.size = size
        self.filename = filename
        self.subfolder = subfolder
        self.type = type
        self.contentType = contentType
        self.overwrite = overwrite
    }
}

/// An input file that a backend keeps, and has brought to its servers as far as they answered.
public struct PlacedInput: Sendable {
    /// How workflows name it: `filename`, `subfolder`, `type`.
    public var reference: FileReference
    /// Enabled servers that do not have it yet; they get it before a prompt that needs it.
    public var missingOn: [ComfyServer]

    /// Makes a result.
    public init(reference: FileReference, missingOn: [ComfyServer] = []) {
        self.reference = reference
        self.missingOn = missingOn
    }
}

extension ComfyBackend {
    private static var unsupported: HTTPError {
        HTTPError(.notImplemented, "backend.unsupported", "The backend that is in use cannot do this.")
    }

    /// Throws 501: a backend of an older version.
    public func client(of serverID: String) throws -> any HTTPClient { throw Self.unsupported }
    /// Throws 501: a backend of an older version.
    public func prompts(ofClient clientID: String, limit: Int) async throws -> [PromptJob] { throw Self.unsupported }
    /// Throws 501: a backend of an older version.
    public func follow(client clientID: String) async throws -> AsyncStream<ClientPromptEvent> {
        throw Self.unsupported
    }
    /// Throws 501: a backend of an older version.
    public func queue() async throws -> PromptQueue { throw Self.unsupported }
    /// Throws 501: a backend of an older version.
    public func remaining() async -> Int { 0 }
    /// Throws 501: a backend of an older version.
    public func clearQueue(of caller: String?, by actor: String) async throws -> [QueueClearing] {
        throw Self.unsupported
    }
    /// Cancels in the backend's own name.
    public func cancel(_ promptID: String, by actor: String) async throws -> Bool { try await cancel(promptID) }
    /// Throws 501: a backend of an older version.
    public func histories(_ range: HistoryRange) async throws -> JSONObject { throw Self.unsupported }
    /// Throws 501: a backend of an older version.
    public func keep(_ upload: InputUpload) async throws -> PlacedInput { throw Self.unsupported }
}
