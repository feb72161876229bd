import Glibc
import PluginAPI
import Synchronization

/// The receiving side of tasks as `spec/agents.md` §5 records it: it works inside the push, calls back meanwhile with the token
/// that it was given, takes an action that is not spoken of for a wanted one, and answers last.
final class StandInAgent: Sendable {
    /// How it takes tasks.
    enum Manner: Sendable {
        /// Does them and answers.
        case works
        /// Has another task.
        case busy
        /// Tells that it begins, and dies.
        case diesHalfway
        /// Begins, and is done only after it was pushed: the push ends without an answer.
        case answersNever
        /// Cannot do them.
        case fails
        /// Does them, tells it until it is answered, and then once more.
        case repeats
        /// Does them, and says at last that it failed.
        case contradicts
    }

    /// A request to the daemon.
    struct Call: Sendable {
        /// Its path.
        let path: String
        /// What was sent.
        let body: JSON?
        /// `nil` when there was none.
        let answer: HTTPAnswer?
    }

    private struct State {
        var manner: @Sendable () -> Manner = { .works }
        var port: UInt16 = 0
        var problems: [String] = []
        var done: [Set<String>] = []
    }

    private let state: Shared
    private let server: LocalServer

    /// - Parameter onCall: Is told of each request to the daemon, in the thread that goes on with the work afterwards.
    /// - Throws: ``ProbeError``.
    init(onCall: @escaping @Sendable (Call) -> Void = { _ in }) throws(ProbeError) {
        let state = Shared(onCall: onCall)
        self.state = state
        server = try LocalServer { Self.take($0, state) }
    }

    /// Where it listens.
    var url: String { server.url }
    /// The tasks it was sent so far.
    var pushes: Int { server.requests.count }
    /// What it did, each task's actions merged over its defaults.
    var done: [Set<String>] { state.value.withLock { $0.done } }
    /// What was not as it should be.
    var problems: [String] { state.value.withLock { $0.problems } }

    /// Reports to a daemon and takes tasks in some manner from now on.
    func behaves(_ manner: Manner, port: UInt16) {
        behaves(port: port) { manner }
    }

    /// Reports to a daemon and takes each task from now on in a manner that is chosen for it.
    func behaves(port: UInt16, _ manner: @escaping @Sendable () -> Manner) {
        state.value.withLock { ($0.manner, $0.port) = (manner, port) }
    }

    private final class Shared: Sendable {
        let value = Mutex(State())
        let onCall: @Sendable (Call) -> Void

        init(onCall: @escaping @Sendable (Call) -> Void) {
            self.onCall = onCall
        }
    }

    /// How often a report is sent until it is answered, a tenth of a second apart.
    private static let mostRepeats = 50

    private static func take(_ request: LocalServer.Head, _ state: Shared) -> LocalServer.Answer {
        let (choose, port) = state.value.withLock { ($0.manner, $0.port) }
        let manner = choose()
        guard manner != .busy else { return refusal(409, "busy") }
        guard let body = try? JSON(parsing: request.body), let id = body["task_id"]?.stringValue,
            let token = body["token"]?.stringValue, let manifest = body["manifest_url"]?.stringValue
        else { return refusal(400, "MANIFEST_URL_REQUIRED") }
        let daemon = Daemon(port: port, token: token, state: state)
        let names = ["agent_id", "task_id", "nonce"].map { ($0, body[$0] ?? .null) }
        let verified = daemon.call(
            "POST", "/api/agent/auth/verify",
            .object(JSONObject(names + [("token", JSON.string(token))])))
        guard verified?["ok"] == true else { return refusal(400, "TASK_TOKEN_INVALID") }
        daemon.call("POST", "/api/agent/tasks/\(id)/events", ["message": "sync models started", "stage": "models"])
        if manner == .diesHalfway { return .none }
        let path =
            "/" + manifest.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).dropFirst(3).joined()
        guard daemon.call("GET", path, nil)?["content"]?.objectValue != nil else { return refusal(400, "no manifest") }
        let failed: JSON = ["error_code": "DOWNLOAD_FAILED", "failed_items": ["models": ["a.safetensors"]]]
        if manner == .fails {
            daemon.call("POST", "/api/agent/tasks/\(id)/failed", failed)
            return refusal(400, "DOWNLOAD_FAILED")
        }
        state.value.withLock { $0.done.append(merged(body["actions"])) }
        let complete: JSON = ["summary": "ok", "synced": ["models"]]
        let report = { daemon.call("POST", "/api/agent/tasks/\(id)/complete", complete) != nil }
        var isTold = report()
        if manner == .repeats {
            for _ in 0..<mostRepeats where !isTold {
                usleep(100_000)
                isTold = report()
            }
            _ = report()
        }
        if manner == .contradicts { daemon.call("POST", "/api/agent/tasks/\(id)/failed", failed) }
        return manner == .answersNever ? .none : .json(["status": "accepted", "task_id": .string(id)])
    }

    private static func refusal(_ status: Int, _ words: String) -> LocalServer.Answer {
        var answer = LocalServer.Answer.json(["detail": .string(words)])
        answer.status = status
        return answer
    }

    private static func merged(_ actions: JSON?) -> Set<String> {
        var wanted: Set = ["sync_models", "sync_plugins", "sync_workflows"]
        for (action, isWanted) in actions?.objectValue ?? [:] {
            if isWanted == true { wanted.insert(action) } else { wanted.remove(action) }
        }
        return wanted
    }

    /// The daemon as the agent calls it, from its own thread.
    private struct Daemon {
        let port: UInt16
        let token: String
        let state: Shared

        @discardableResult
        func call(_ method: String, _ path: String, _ body: JSON?) -> JSON? {
            let fields = [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")]
            let request = HTTPRequest(method: method, target: path, fields: fields, body: body?.serialized())
            let answer = try? HTTPWire(port: port, timeout: 20).exchange(request)
            state.onCall(Call(path: path, body: body, answer: answer))
            if answer?.status != 200 {
                state.value.withLock { $0.problems.append("\(method) \(path): \(answer.map { "\($0)" } ?? "none")") }
            }
            return answer?.json
        }
    }
}
