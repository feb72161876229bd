import ComfyUI
import PluginAPI
import PluginTestKit
import Synchronization

/// ComfyUI servers that take uploads and give files back; a name of a host is a server.
final class InputServers: Sendable {
    /// One upload as it arrived.
    struct Upload: Sendable, Equatable {
        var server: String
        var path: String
        var content: [UInt8]
    }

    private struct State {
        var files: [String: [UInt8]] = [:]
        var uploads: [Upload] = []
        var down: Set<String> = []
        var refusals: [String: Status] = [:]
        var gate: Gate?
    }

    private let state = Mutex(State())
    let client = StubHTTPClient()

    init() {
        client.answer { [weak self] request in
            guard let self else { throw StubHTTPClient.refused(request) }
            return try await self.answer(request)
        }
    }

    /// A server and its client.
    func server(_ id: String) -> (ComfyServer, ComfyClient) {
        let url = "http://\(id):8188"
        return (
            ComfyServer(id: id, name: id, url: url, enabled: true, healthy: true),
            ComfyClient(baseURL: url, http: client)
        )
    }

    /// What arrived, in order.
    var uploads: [Upload] { state.withLock { $0.uploads } }
    /// The content of a file, by server and `type/subfolder/name`.
    func file(_ path: String, on server: String) -> [UInt8]? { state.withLock { $0.files["\(server)/\(path)"] } }
    /// Puts a file on a server as somebody else would.
    func put(_ content: [UInt8], at path: String, on server: String) {
        state.withLock { $0.files["\(server)/\(path)"] = content }
    }
    /// Lets connections to a server fail, or not.
    func setDown(_ server: String, _ isDown: Bool = true) {
        state.withLock { if isDown { $0.down.insert(server) } else { $0.down.remove(server) } }
    }
    /// Lets a server refuse uploads.
    func refuse(_ server: String, with status: Status?) { state.withLock { $0.refusals[server] = status } }
    /// Holds uploads up before they are answered.
    func hold(_ gate: Gate?) { state.withLock { $0.gate = gate } }

    private func answer(_ request: ClientRequest) async throws -> ClientResponse {
        let rest = request.url.dropFirst("http://".count)
        let server = String(rest.prefix { $0 != ":" })
        let target = rest[(rest.firstIndex(of: "/") ?? rest.endIndex)...]
        if state.withLock({ $0.down.contains(server) }) { throw StubHTTPClient.refused(request) }
        guard target == "/upload/image" else {
            let query = QueryItems(parsing: target.drop { $0 != "?" }.dropFirst())
            let path = [query["type"], query["subfolder"], query["filename"]].compactMap { $0 }.joined(separator: "/")
            guard let content = file(path, on: server) else { return ClientResponse(status: 404) }
            return ClientResponse(status: 200, body: HTTPBody(content))
        }
        guard let body = request.body, let type = request.headers["Content-Type"],
            let form = UploadedForm(try await body.collect(upTo: body.length ?? 0), type)
        else { return ClientResponse(status: 400) }
        if let gate = state.withLock({ $0.gate }) { await gate.wait() }
        if let status = state.withLock({ $0.refusals[server] }) { return ClientResponse(status: status) }
        let folder = [form.texts["type"] ?? "input", form.texts["subfolder"] ?? ""].filter { !$0.isEmpty }
        let path = (folder + [form.filename]).joined(separator: "/")
        state.withLock { state in
            state.files["\(server)/\(path)"] = form.content
            state.uploads.append(Upload(server: server, path: path, content: form.content))
        }
        return .json([
            "name": .string(form.filename), "subfolder": .string(form.texts["subfolder"] ?? ""),
            "type": .string(form.texts["type"] ?? "input"),
        ])
    }
}

/// A form as a simple server reads it.
private struct UploadedForm {
    var texts: [String: String] = [:]
    var filename = ""
    var content: [UInt8] = []

    init?(_ body: [UInt8], _ type: String) {
        guard let mark = type.firstRange(of: "boundary=") else { return nil }
        let boundary = Array("--\(type[mark.upperBound...])".utf8)
        guard body.starts(with: boundary),
            body.suffix(boundary.count + 4).elementsEqual(boundary + Array("--\r\n".utf8))
        else {
            return nil
        }
        for part in body.split(separator: boundary).dropLast() {
            guard let blank = part.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
            let head = String(decoding: part[..<blank.lowerBound], as: UTF8.self)
            let value = part[blank.upperBound...].dropLast(2)
            guard let name = Self.parameter("name", head) else { return nil }
            if name == "image" {
                filename = Self.parameter("filename", head) ?? ""
                content = Array(value)
            } else {
                texts[name] = String(decoding: value, as: UTF8.self)
            }
        }
    }

    private static func parameter(_ name: String, _ head: String) -> String? {
        guard let start = head.firstRange(of: " \(name)=\"") else { return nil }
        return String(head[start.upperBound...].prefix { $0 != "\"" })
    }
}

/// Holds tasks up until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        var watchers: [(Int, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    /// Waits until the gate is open.
    func wait() async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
                guard !state.isOpen else { return [continuation] }
                state.waiters.append(continuation)
                let count = state.waiters.count
                defer { state.watchers.removeAll { $0.0 <= count } }
                return state.watchers.filter { $0.0 <= count }.map(\.1)
            }
            for continuation in ready { continuation.resume() }
        }
    }

    /// Waits until so many wait.
    func waitForWaiters(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state -> Bool in
                guard state.waiters.count < count else { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Lets all pass, also those to come.
    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
