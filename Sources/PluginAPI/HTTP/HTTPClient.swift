/// The daemon's pooled HTTP client; every request has a deadline.
public protocol HTTPClient: Sendable {
    /// Sends a request and returns as soon as the answer's header is here; the body streams.
    ///
    /// - Throws: ``HTTPClientError``, which says whether the peer may have processed the request; `CancellationError`.
    func send(_ request: ClientRequest) async throws -> ClientResponse
    /// Opens a WebSocket (`ws`, `wss`, `http` and `https` URLs).
    ///
    /// - Throws: ``HTTPClientError``.
    func webSocket(_ request: ClientRequest) async throws -> any WebSocket
}

/// A request of the daemon to another server.
public struct ClientRequest: Sendable {
    /// The method.
    public var method: HTTPMethod
    /// The absolute URL.
    public var url: String
    /// The header fields; `Host`, `Content-Length` and `Accept-Encoding` are the client's business.
    public var headers: HTTPFields
    /// The body, if any.
    public var body: HTTPBody?
    /// User name and password for Basic authentication (RFC 7617).
    public var credentials: BasicCredentials?
    /// Time to connect, TLS included.
    public var connectTimeout: Duration
    /// Time until the answer's header is here.
    public var timeout: Duration
    /// The longest silence while the answer's body streams.
    public var idleTimeout: Duration
    /// Which addresses it may go to; `nil` for all.
    public var addressPolicy: AddressPolicy?

    /// Makes a request.
    public init(
        _ method: HTTPMethod = .get, _ url: String, headers: HTTPFields = [:], body: HTTPBody? = nil,
        credentials: BasicCredentials? = nil, connectTimeout: Duration = .seconds(5), timeout: Duration = .seconds(30),
        idleTimeout: Duration = .seconds(60)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.credentials = credentials
        self.connectTimeout = connectTimeout
        self.timeout = timeout
        self.idleTimeout = idleTimeout
    }
}

/// A user name and a password for Basic authentication.
public struct BasicCredentials: Sendable, Equatable {
    /// The user name; has no colon.
    public var username: String
    /// The password.
    public var password: Secret

    /// Makes a pair.
    public init(username: String, password: Secret) {
        self.username = username
        self.password = password
    }
}

/// The answer of another server.
public struct ClientResponse: Sendable {
    /// The status code.
    public var status: Status
    /// The header fields.
    public var headers: HTTPFields
    /// The body; dropping it unread closes the connection.
    public var body: HTTPBody

    /// Makes an answer; the client does this, and tests.
    public init(status: Status, headers: HTTPFields = [:], body: HTTPBody = HTTPBody()) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Why a request to another server failed, and whether it may be repeated.
public struct HTTPClientError: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    public enum Reason: Sendable, Hashable {
        /// The URL is not usable.
        case invalidURL
        /// The name could not be resolved.
        case resolve
        /// The connection was refused, unreachable or timed out.
        case connect
        /// The TLS handshake failed.
        case tls
        /// A deadline passed after the request was sent, or while the body streamed.
        case timeout
        /// The peer closed or broke the connection, or spoke no HTTP.
        case connection
        /// The answer was larger than allowed.
        case tooLarge
        /// The upgrade to WebSocket was refused; the message has the status.
        case upgradeRefused
        /// The request's ``ClientRequest/addressPolicy`` allows no address of the host; nothing was sent.
        case addressRefused
    }

    /// What went wrong.
    public var reason: Reason
    /// False when certainly nothing of the request reached the peer, so that it may go elsewhere at once.
    public var mayHaveBeenProcessed: Bool
    /// Words for the log; has no credentials.
    public var message: String
    /// Whether the peer's machine refused the connection: it runs, and nobody listens there.
    public var wasRefused = false

    /// Makes an error.
    public init(_ reason: Reason, mayHaveBeenProcessed: Bool, _ message: String) {
        self.reason = reason
        self.mayHaveBeenProcessed = mayHaveBeenProcessed
        self.message = message
    }

    /// Reason and words.
    public var description: String { "\(reason): \(message)" }
}
