public import PluginAPI

/// Talks to one ComfyUI server over HTTP; every call is one request with a deadline and none is repeated.
///
/// Requests carry no `Origin`, so that the server's cross-site check lets them pass. Transport failures are thrown as
/// ``HTTPClientError``, which says whether the server may have worked on the request.
public struct ComfyClient: Sendable {
    /// The server's base URL, without trailing slash.
    public let baseURL: String
    /// What a reverse proxy before the server asks for.
    public let credentials: BasicCredentials?
    /// Time until the header of an answer is here.
    public let timeout: Duration

    let http: any HTTPClient

    /// The largest JSON answer that is read; a full history of large workflows stays below it.
    public static let answerLimit = 256 << 20

    /// Makes a client of a server.
    public init(
        baseURL: String, credentials: BasicCredentials? = nil, timeout: Duration = .seconds(30), http: any HTTPClient
    ) {
        self.baseURL = baseURL
        self.credentials = credentials
        self.timeout = timeout
        self.http = http
    }

    /// The same server with another deadline.
    public func with(timeout: Duration) -> ComfyClient {
        ComfyClient(baseURL: baseURL, credentials: credentials, timeout: timeout, http: http)
    }

    /// Sends a request to a path of the server, such as `/queue`; the answer may have any status.
    ///
    /// - Throws: ``HTTPClientError``, `CancellationError`.
    public func send(
        _ method: HTTPMethod, _ path: String, headers: HTTPFields = [:], body: [UInt8]? = nil
    ) async throws -> ClientResponse {
        var headers = headers
        if body != nil, !headers.contains("Content-Type") { headers["Content-Type"] = "application/json" }
        return try await send(method, path, headers: headers, stream: body.map { HTTPBody($0) })
    }

    /// Sends a request whose body may be a stream.
    func send(
        _ method: HTTPMethod, _ path: String, headers: HTTPFields, stream body: HTTPBody?
    ) async throws -> ClientResponse {
        try await http.send(
            ClientRequest(
                method, baseURL + path, headers: headers, body: body, credentials: credentials,
                connectTimeout: min(timeout, Self.connectTimeout), timeout: timeout,
                idleTimeout: max(timeout, Self.longestSilence)))
    }

    /// The longest time for a connection; a server that takes longer counts as not there.
    static let connectTimeout = Duration.seconds(3)

    /// The longest silence within an answer, unless ``timeout`` is longer.
    static let longestSilence = Duration.seconds(10)

    /// Opens the server's event stream under a client id and sends the feature flags first.
    ///
    /// A server sends the events of a prompt to one socket per client id, the newest; so there should be one.
    ///
    /// - Throws: ``HTTPClientError``, `CancellationError`.
    public func events(clientID: String) async throws -> ComfyEventStream {
        let url = "\(baseURL)/ws?clientId=\(PercentEncoding.encode(clientID))"
        let socket = try await http.webSocket(
            ClientRequest(
                .get, url, credentials: credentials, connectTimeout: min(timeout, Self.connectTimeout),
                timeout: timeout))
        do {
            try await socket.send(.text(#"{"type":"feature_flags","data":{"supports_preview_metadata":true}}"#))
        } catch {
            await socket.close(code: 1000, reason: "")
            throw error
        }
        return ComfyEventStream(socket)
    }
}

// MARK: - JSON answers

extension ComfyClient {
    /// Asks for a JSON answer with status 200.
    ///
    /// - Throws: ``ComfyServerError`` for another status or an answer that is no JSON; ``HTTPClientError``.
    public func json(_ path: String) async throws -> JSON {
        try Self.parse(try await bytes(path))
    }

    /// Asks for an answer with status 200 of so many bytes at most.
    ///
    /// - Throws: ``ComfyServerError`` for another status; ``HTTPClientError``; ``HTTPError`` 413 when there are more.
    public func bytes(_ path: String, limit: Int = answerLimit) async throws -> [UInt8] {
        let answer = try await send(.get, path)
        let bytes = try await answer.body.collect(upTo: limit)
        guard answer.status == .ok else { throw ComfyServerError(status: answer.status, body: bytes) }
        return bytes
    }

    /// Parses an answer; Python writes `NaN` where JSON has no word for it.
    static func parse(_ bytes: [UInt8]) throws -> JSON {
        do {
            return try JSON(parsing: bytes, options: JSONParseOptions(allowsNonFiniteNumbers: true))
        } catch {
            throw ComfyServerError(problem: "the answer is not JSON: \(error)")
        }
    }

    /// Sends a command that answers 200 with an empty body.
    func command(_ path: String, _ body: JSON) async throws {
        let answer = try await send(.post, path, body: body.serialized())
        let bytes = try await answer.body.collect(upTo: 1 << 20)
        guard answer.status.isSuccess else { throw ComfyServerError(status: answer.status, body: bytes) }
    }
}
