extension CapabilityKey where Value == any ComfyBackend {
    /// A cluster of ComfyUI servers; without a provider, plugins use the single server of `comfyui.base_url`.
    public static var comfyBackend: CapabilityKey<any ComfyBackend> { CapabilityKey("comfy.backend", version: 1) }
}

/// One or many ComfyUI servers behind one face: submit a graph, follow it, find its files (DESIGN §5).
public protocol ComfyBackend: Sendable {
    /// Takes a prompt; returns once it is durable and has an id.
    ///
    /// - Throws: ``PromptRefusal`` when a server refused the graph; ``HTTPError`` 503 when no server can be used.
    func submit(_ submission: PromptSubmission) async throws -> SubmittedPrompt
    /// What is known of a prompt now; `nil` when it was never seen.
    func job(_ promptID: String) async throws -> PromptJob?
    /// The state now and every change after it; ends with a final state or when the consumer stops.
    func follow(_ promptID: String) async throws -> AsyncStream<PromptEvent>
    /// ComfyUI's history entry (`{"prompt", "outputs", "status", "meta"}`), stored or from the owner; `nil` while unfinished.
    func history(_ promptID: String) async throws -> JSON?
    /// Removes a prompt from a queue, or interrupts it.
    ///
    /// - Returns: false when it had already ended.
    func cancel(_ promptID: String) async throws -> Bool
    /// The servers, in order of registration.
    func servers() async throws -> [ComfyServer]
    /// The server that has, or had, a prompt.
    func owner(of promptID: String) async throws -> ComfyServer?
    /// Fetches a file of a prompt from its owner; `headers` such as `Range` travel along, the body streams.
    func file(_ reference: FileReference, of promptID: String, headers: HTTPFields) async throws -> ClientResponse
    /// Reaches one server: the URL of a request is a path such as `/system_stats`; address and credentials are added.
    ///
    /// For calls that no method here makes. Prompts and cancellations must not go this way: the backend would not know.
    ///
    /// - Throws: ``HTTPError`` 404 for an unknown server.
    func client(of serverID: String) throws -> any HTTPClient
    /// The newest prompts that were submitted under a WebSocket id, open and ended ones, the newest first.
    func prompts(ofClient clientID: String, limit: Int) async throws -> [PromptJob]
    /// What happens to the prompts of a WebSocket id from now on, however they were submitted; previews are left out.
    ///
    /// Begins with the state of each open one. A new prompt appears with its first state. Ends when the backend stops. A consumer that
    /// is slow loses messages, never a final state.
    func follow(client clientID: String) async throws -> AsyncStream<ClientPromptEvent>
    /// The queues of all servers, read now, and the backend's own.
    func queue() async throws -> PromptQueue
    /// How many prompts run or wait, as far as known without asking a server.
    func remaining() async -> Int
    /// Removes all prompts that wait, of one caller or of all; those that run stay.
    ///
    /// - Parameter actor: Who wishes it, for the story of each prompt.
    func clearQueue(of caller: String?, by actor: String) async throws -> [QueueClearing]
    /// Removes a prompt from a queue, or interrupts it; also one that did not come through this backend.
    ///
    /// - Parameter actor: Who wishes it, for the story of the prompt.
    /// - Returns: false when it had already ended, or was never seen.
    func cancel(_ promptID: String, by actor: String) async throws -> Bool
    /// The results as ComfyUI's `GET /history` gives them: entries by prompt id, the oldest first; stored ones and those of
    /// the servers.
    func histories(_ range: HistoryRange) async throws -> JSONObject
    /// Keeps an input file, brings it to all enabled servers that answer, and from then on to each server that gets a prompt which names it.
    ///
    /// - Throws: ``HTTPError`` 503 when no server took it, 507 when the disk is full.
    func keep(_ upload: InputUpload) async throws -> PlacedInput
}

/// A prompt as a caller hands it in.
public struct PromptSubmission: Sendable {
    /// The graph in API format, as it came: number text and key order are kept.
    public var prompt: JSON
    /// The caller's WebSocket id, if any.
    public var clientID: String?
    /// The id the caller wants; `nil` lets the backend choose.
    public var promptID: String?
    /// Further keys of `POST /prompt` (`extra_data`, `front`, `number`, `partial_execution_targets`), passed on.
    public var extra: JSONObject
    /// Larger is earlier in the backend's queue; `nil` hands the prompt to a server at once if one has room.
    public var priority: Int?
    /// Whose prompt it is, because callers take turns in the backend's queue; `nil` means the ``clientID``.
    public var caller: String?

    /// Makes a submission.
    public init(prompt: JSON, clientID: String? = nil, promptID: String? = nil, extra: JSONObject = [:]) {
        self.prompt = prompt
        self.clientID = clientID
        self.promptID = promptID
        self.extra = extra
    }
}

/// What a backend answers to a submission.
public struct SubmittedPrompt: Sendable {
    /// The id.
    public var promptID: String
    /// The number in the queue, as ComfyUI gave it.
    public var number: JSON
    /// Outputs that were dropped because they do not validate; `{}` when all are fine.
    public var nodeErrors: JSON
    /// The second id of a prompt that was given a priority.
    public var gatewayJobID: String?

    /// Makes an answer.
    public init(promptID: String, number: JSON, nodeErrors: JSON) {
        self.promptID = promptID
        self.number = number
        self.nodeErrors = nodeErrors
    }
}

/// A server's refusal of a graph, with ComfyUI's own words.
public struct PromptRefusal: HTTPErrorConvertible, Sendable {
    /// The status of the server's answer, mostly 400.
    public var status: Status
    /// ComfyUI's `error` object.
    public var error: JSON
    /// ComfyUI's `node_errors` object.
    public var nodeErrors: JSON

    /// Makes a refusal.
    public init(status: Status = .badRequest, error: JSON, nodeErrors: JSON = [:]) {
        self.status = status
        self.error = error
        self.nodeErrors = nodeErrors
    }

    /// Code `comfyui.<type>`, details `{"error", "node_errors"}`.
    public var httpError: HTTPError {
        HTTPError(
            status, "comfyui." + (error["type"]?.stringValue ?? "refused"),
            error["message"]?.stringValue ?? "The server refused the prompt.",
            details: ["error": error, "node_errors": nodeErrors])
    }
}

/// The state of a job, in the words all surfaces are translated from (`spec/errors.md` §5).
public enum JobState: String, Sendable, Codable, CaseIterable {
    /// On disk here, not yet with a server.
    case queued
    /// Being handed to a server.
    case dispatching
    /// In a server's queue.
    case submitted
    /// A server works on it.
    case running
    /// Ended well.
    case done
    /// Ended with an error.
    case failed
    /// Ended by somebody's wish.
    case cancelled
    /// Its server lost it, and it may not be tried again.
    case lost

    /// Whether nothing follows.
    public var isFinal: Bool {
        switch self {
        case .done, .failed, .cancelled, .lost: true
        default: false
        }
    }
}

/// A job as it is now.
public struct PromptJob: Sendable {
    /// The id.
    public var promptID: String
    /// The state.
    public var state: JobState
    /// The server, once there is one.
    public var server: ComfyServer?
    /// 0…100, over all nodes.
    public var progress: Double
    /// The node being executed.
    public var currentNode: String?
    /// Why it failed.
    public var message: String?
    /// Its place, from 1, in the queue it waits in: the backend's while `queued`, the server's while `submitted`.
    public var position: Int?
    /// Larger is earlier in the backend's queue.
    public var priority = 0
    /// Whose it is, see ``JobCaller``; `nil` when it did not come through this backend.
    public var caller: String?
    /// The WebSocket id it was submitted under.
    public var clientID: String?
    /// The number in its server's queue, as ComfyUI gave it.
    public var number: JSON?
    /// Outputs that the server dropped; `nil` when none.
    public var nodeErrors: JSON?
    /// Whether its server said that it has ended, and the result is not here yet.
    public var isEnding = false
    /// When it was submitted.
    public var createdAt: Timestamp?
    /// When its execution began.
    public var startedAt: Timestamp?
    /// When it ended.
    public var finishedAt: Timestamp?

    /// Makes a job.
    public init(
        promptID: String, state: JobState, server: ComfyServer? = nil, progress: Double = 0, currentNode: String? = nil,
        message: String? = nil
    ) {
        self.promptID = promptID
        self.state = state
        self.server = server
        self.progress = progress
        self.currentNode = currentNode
        self.message = message
    }
}

/// Something that happened to a job.
public enum PromptEvent: Sendable {
    /// Its state changed, or this is the first event.
    case state(PromptJob)
    /// A message of the server about it (`executing`, `progress`, `executed`, …), as it came.
    case message(type: String, data: JSON)
    /// A preview image of a node.
    case preview(nodeID: String?, mimeType: String, image: [UInt8])
}

/// A server as other plugins see it.
public struct ComfyServer: Sendable, Hashable {
    /// Its id.
    public var id: String
    /// Its name.
    public var name: String
    /// Its base URL, without credentials and trailing slash.
    public var url: String
    /// Whether new jobs go there.
    public var enabled: Bool
    /// Whether it answered last time.
    public var healthy: Bool

    /// Makes a server.
    public init(id: String, name: String, url: String, enabled: Bool, healthy: Bool) {
        self.id = id
        self.name = name
        self.url = url
        self.enabled = enabled
        self.healthy = healthy
    }
}

/// Names a file of a ComfyUI server, as in `GET /view`.
public struct FileReference: Sendable, Hashable {
    /// The file's name.
    public var filename: String
    /// The folder below the type's root; empty at the root.
    public var subfolder: String
    /// `output`, `input` or `temp`.
    public var type: String
    /// Further query items of `/view`, such as `preview` and `channel`.
    public var options: [String: String]

    /// Names a file.
    public init(filename: String, subfolder: String = "", type: String = "output", options: [String: String] = [:]) {
        self.filename = filename
        self.subfolder = subfolder
        self.type = type
        self.options = options
    }
}
