package import PluginAPI
import Synchronization

/// A backend that answers what a test set and keeps what it was asked.
///
/// A submission becomes a job in the state `submitted` with number 1 unless ``Script/submit`` says otherwise.
package final class FakeBackend: ComfyBackend {
    /// What it answers; change it with ``script(_:)``.
    package struct Script: Sendable {
        /// The answer to a submission; `nil` takes it.
        package var submit: (@Sendable (PromptSubmission) async throws -> SubmittedPrompt)?
        /// What is known of prompts, by id.
        package var jobs: [String: PromptJob] = [:]
        /// The results, by id, the oldest first.
        package var histories: JSONObject = [:]
        /// The servers in order of registration.
        package var servers = [FakeBackend.server]
        /// Clients of servers, by the server's id.
        package var clients: [String: any HTTPClient] = [:]
        /// All queues.
        package var queue = PromptQueue()
        /// How many prompts run or wait; `nil` counts the jobs that are not final.
        package var remaining: Int?
        /// What clearing the queues gives.
        package var clearings: [QueueClearing] = []
        /// Whether cancelling finds something; `nil` asks the jobs.
        package var cancels: Bool?
        /// The answer to `file`.
        package var file: (@Sendable (FileReference, String, HTTPFields) async throws -> ClientResponse)?
        /// The answer to `keep`; `nil` takes the name as it is.
        package var keep: (@Sendable (InputUpload) async throws -> PlacedInput)?
        /// What asking for a result throws.
        package var historyFailure: (any Error)?
        /// What every call throws.
        package var failure: (any Error)?
    }

    /// What it was asked.
    package struct Calls: Sendable {
        /// The submissions in order.
        package var submissions: [PromptSubmission] = []
        /// The ids that were to be cancelled, and by whom.
        package var cancellations: [(promptID: String, actor: String)] = []
        /// The callers whose queues were to be cleared, and by whom.
        package var clearings: [(caller: String?, actor: String)] = []
        /// The parts of the list of results.
        package var ranges: [HistoryRange] = []
        /// The uploads.
        package var uploads: [InputUpload] = []
        /// The files that were asked for.
        package var files: [(file: FileReference, promptID: String)] = []
    }

    private struct State {
        var script = Script()
        var calls = Calls()
        var streams: [String: [AsyncStream<ClientPromptEvent>.Continuation]] = [:]
        var promptStreams: [String: [AsyncStream<PromptEvent>.Continuation]] = [:]
    }

    private let state = Mutex(State())

    /// Has one server, and nothing to do.
    package init() {}

    /// The server that is there unless a test says otherwise.
    package static let server = ComfyServer(
        id: "server-1", name: "gpu-1", url: "http://gpu-1:8188", enabled: true, healthy: true)

    /// Changes what it answers.
    package func script(_ change: (inout Script) -> Void) {
        state.withLock { change(&$0.script) }
    }

    /// What it was asked so far.
    package var calls: Calls { state.withLock { $0.calls } }

    /// Capabilities in which this is the cluster.
    package var capabilities: Capabilities {
        Capabilities { name, _ in
            name == CapabilityKey<any ComfyBackend>.comfyBackend.name ? self as any ComfyBackend : nil
        }
    }

    /// Tells all who follow the prompt, or its client, of an event; a state is also the prompt's job from now on.
    package func tell(_ event: PromptEvent, of promptID: String, client clientID: String? = nil) {
        let (clients, prompts) = state.withLock { state in
            if case .state(let job) = event { state.script.jobs[promptID] = job }
            return (clientID.flatMap { state.streams[$0] } ?? [], state.promptStreams[promptID] ?? [])
        }
        for stream in clients { stream.yield(ClientPromptEvent(promptID: promptID, event: event)) }
        for stream in prompts { stream.yield(event) }
    }

    /// Ends all streams, as a backend that stops does.
    package func endStreams() {
        let (clients, prompts) = state.withLock { state in
            defer { (state.streams, state.promptStreams) = ([:], [:]) }
            return (state.streams.values.flatMap { $0 }, state.promptStreams.values.flatMap { $0 })
        }
        for stream in clients { stream.finish() }
        for stream in prompts { stream.finish() }
    }

    private func answer<T>(_ body: (inout State) throws -> T) throws -> T {
        try state.withLock { state in
            if let failure = state.script.failure { throw failure }
            return try body(&state)
        }
    }

    // MARK: - ComfyBackend

    package func submit(_ submission: PromptSubmission) async throws -> SubmittedPrompt {
        let (id, other) = try answer { state in
            state.calls.submissions.append(submission)
            let id = submission.promptID ?? "prompt-\(state.calls.submissions.count)"
            if state.script.submit == nil {
                var job = PromptJob(promptID: id, state: .submitted, server: state.script.servers.first)
                job.caller = submission.caller
                job.clientID = submission.clientID
                job.number = 1
                job.position = 1
                state.script.jobs[id] = job
            }
            return (id, state.script.submit)
        }
        if let other { return try await other(submission) }
        return SubmittedPrompt(promptID: id, number: 1, nodeErrors: [:])
    }

    package func job(_ promptID: String) async throws -> PromptJob? {
        try answer { $0.script.jobs[promptID] }
    }

    package func follow(_ promptID: String) async throws -> AsyncStream<PromptEvent> {
        let (stream, continuation) = AsyncStream<PromptEvent>.makeStream()
        try answer { state in
            if let job = state.script.jobs[promptID] { continuation.yield(.state(job)) }
            state.promptStreams[promptID, default: []].append(continuation)
        }
        return stream
    }

    package func history(_ promptID: String) async throws -> JSON? {
        try answer { state in
            if let failure = state.script.historyFailure { throw failure }
            return state.script.histories[promptID]
        }
    }

    package func cancel(_ promptID: String) async throws -> Bool {
        try await cancel(promptID, by: "")
    }

    package func cancel(_ promptID: String, by actor: String) async throws -> Bool {
        try answer { state in
            state.calls.cancellations.append((promptID, actor))
            return state.script.cancels ?? state.script.jobs[promptID].map { !$0.state.isFinal } ?? false
        }
    }

    package func servers() async throws -> [ComfyServer] {
        try answer { $0.script.servers }
    }

    package func owner(of promptID: String) async throws -> ComfyServer? {
        try answer { $0.script.jobs[promptID]?.server }
    }

    package func file(
        _ reference: FileReference, of promptID: String, headers: HTTPFields
    ) async throws -> ClientResponse {
        let file = try answer { state in
            state.calls.files.append((reference, promptID))
            return state.script.file
        }
        guard let file else { return ClientResponse(status: .notFound) }
        return try await file(reference, promptID, headers)
    }

    package func client(of serverID: String) throws -> any HTTPClient {
        guard let client = try answer({ $0.script.clients[serverID] }) else { throw HTTPError.notFound }
        return client
    }

    package func prompts(ofClient clientID: String, limit: Int) async throws -> [PromptJob] {
        try answer { state in
            let jobs = state.script.jobs.values.filter { $0.clientID == clientID }
            let newest = jobs.sorted { ($0.createdAt?.milliseconds ?? 0) > ($1.createdAt?.milliseconds ?? 0) }
            return Array(newest.prefix(limit))
        }
    }

    package func follow(client clientID: String) async throws -> AsyncStream<ClientPromptEvent> {
        let (stream, continuation) = AsyncStream<ClientPromptEvent>.makeStream()
        try answer { state in
            for job in state.script.jobs.values where job.clientID == clientID && !job.state.isFinal {
                continuation.yield(ClientPromptEvent(promptID: job.promptID, event: .state(job)))
            }
            state.streams[clientID, default: []].append(continuation)
        }
        return stream
    }

    package func queue() async throws -> PromptQueue {
        try answer { $0.script.queue }
    }

    package func remaining() async -> Int {
        state.withLock { $0.script.remaining ?? $0.script.jobs.values.filter { !$0.state.isFinal }.count }
    }

    package func clearQueue(of caller: String?, by actor: String) async throws -> [QueueClearing] {
        try answer { state in
            state.calls.clearings.append((caller, actor))
            return state.script.clearings
        }
    }

    package func histories(_ range: HistoryRange) async throws -> JSONObject {
        try answer { state in
            state.calls.ranges.append(range)
            return state.script.histories
        }
    }

    package func keep(_ upload: InputUpload) async throws -> PlacedInput {
        let keep = try answer { state in
            state.calls.uploads.append(upload)
            return state.script.keep
        }
        if let keep { return try await keep(upload) }
        return PlacedInput(
            reference: FileReference(filename: upload.filename, subfolder: upload.subfolder, type: upload.type))
    }
}
