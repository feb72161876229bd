/// One HTTP request as a handler sees it.
///
/// A value whose parts are shared until one is changed: it is handed from function to function many times.
public struct Request: Sendable {
    /// The id that `X-Request-Id` carries back and every log line of this request has.
    public var id: String { parts.id }

    private var parts: Parts

    /// Makes a request; the host does this, and tests.
    public init(
        id: String, method: HTTPMethod, target: String, headers: HTTPFields = [:], body: HTTPBody = HTTPBody(),
        logger: Logger = Logger(), remoteAddress: String = "", scheme: String = "http"
    ) {
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        parts = Parts(
            id: id, method: method, path: PercentEncoding.decode(mark.map { target[..<$0] } ?? target[...]),
            target: target, query: mark.map { QueryItems(parsing: target[target.index(after: $0)...]) } ?? QueryItems(),
            headers: headers, body: body, logger: logger, remoteAddress: remoteAddress, scheme: scheme)
    }

    /// The method; a `HEAD` request reaches `GET` handlers with ``HTTPMethod/get``.
    public var method: HTTPMethod {
        get { parts.method }
        _modify {
            makeUnique()
            yield &parts.method
        }
    }

    /// The decoded path without query, as the client sent it.
    public var path: String {
        get { parts.path }
        _modify {
            makeUnique()
            yield &parts.path
        }
    }

    /// The raw request target: path as on the wire (escapes kept) and query.
    public var target: String {
        get { parts.target }
        _modify {
            makeUnique()
            yield &parts.target
        }
    }

    /// The decoded query.
    public var query: QueryItems {
        get { parts.query }
        _modify {
            makeUnique()
            yield &parts.query
        }
    }

    /// The header fields.
    public var headers: HTTPFields {
        get { parts.headers }
        _modify {
            makeUnique()
            yield &parts.headers
        }
    }

    /// The body, read once.
    public var body: HTTPBody {
        get { parts.body }
        _modify {
            makeUnique()
            yield &parts.body
        }
    }

    /// The logger that carries the request's id.
    public var logger: Logger {
        get { parts.logger }
        _modify {
            makeUnique()
            yield &parts.logger
        }
    }

    /// Who asks; `nil` before authentication and for anonymous callers of open routes.
    public var principal: Principal? {
        get { parts.principal }
        _modify {
            makeUnique()
            yield &parts.principal
        }
    }

    /// The address of the peer, without port; empty when unknown.
    public var remoteAddress: String {
        get { parts.remoteAddress }
        _modify {
            makeUnique()
            yield &parts.remoteAddress
        }
    }

    /// The address of the client, without port; empty when unknown.
    ///
    /// That of the peer, or, when the peer is one of the operator's trusted proxies, the nearest address in
    /// `X-Forwarded-For` that is none of them.
    public var clientAddress: String {
        get { parts.clientAddress ?? parts.remoteAddress }
        set {
            makeUnique()
            parts.clientAddress = newValue
        }
    }

    /// `http` or `https`, as the client reached this listener.
    public var scheme: String {
        get { parts.scheme }
        _modify {
            makeUnique()
            yield &parts.scheme
        }
    }

    /// The values of the route's path parameters, undecided about type, in the order of the template.
    public var pathParameters: [String] {
        get { parts.pathParameters }
        _modify {
            makeUnique()
            yield &parts.pathParameters
        }
    }

    private mutating func makeUnique() {
        if !isKnownUniquelyReferenced(&parts) { parts = Parts(parts) }
    }

    /// A typed slot that carries a value from a middleware to a handler.
    public subscript<Key: RequestKey>(key: Key.Type) -> Key.Value {
        get { parts.slots[ObjectIdentifier(key)] as? Key.Value ?? Key.defaultValue }
        set {
            makeUnique()
            parts.slots[ObjectIdentifier(key)] = newValue
        }
    }

    /// Reads the bytes of a body that should be JSON, whatever text type `Content-Type` says (as ComfyUI does).
    ///
    /// - Throws: ``HTTPError`` 415 `http.unsupported_media_type` for a compressed body or a form with files, which cannot be
    ///   JSON; 413 above the limit.
    public func jsonBytes(limit: Int) async throws -> [UInt8] {
        if let coding = headers["content-encoding"], !HTTPFields.same(coding, "identity") {
            throw HTTPError(
                .unsupportedMediaType, "http.unsupported_media_type", "Bodies with a Content-Encoding are not taken.",
                headers: ["Accept-Encoding": "identity"])
        }
        if let type = headers["content-type"], HTTPFields.same(String(type.prefix("multipart/".count)), "multipart/") {
            throw HTTPError(
                .unsupportedMediaType, "http.unsupported_media_type", "The body must be JSON, not a multipart form.",
                headers: ["Accept": "application/json"])
        }
        return try await body.collect(upTo: limit)
    }

    /// Reads the body as JSON.
    ///
    /// - Throws: as ``jsonBytes(limit:)``; 400 `http.bad_json` with line and column when it does not parse.
    public func json(limit: Int = 64 << 20) async throws -> JSON {
        let bytes = try await jsonBytes(limit: limit)
        do {
            return try JSON(parsing: bytes)
        } catch {
            throw HTTPError(.badRequest, "http.bad_json", "The body is not JSON: \(error).")
        }
    }

    /// Reads the body as JSON into a type.
    ///
    /// - Throws: as ``json(limit:)``; 422 `http.bad_body` naming the coding path when a value is missing or of the wrong type.
    public func decode<T: Decodable>(_: T.Type, limit: Int = 2 << 20) async throws -> T {
        let value = try await json(limit: limit)
        do {
            return try value.decode(T.self)
        } catch let error as DecodingError {
            throw HTTPError.badBody(error)
        }
    }

    /// The base URL under which the client reached us, such as `http://127.0.0.1:8000`.
    public var baseURL: String {
        "\(scheme)://\(headers["host"] ?? "localhost")"
    }
}

extension Request {
    /// The parts; written by the one request that holds them alone, so they are never changed while another reads.
    private final class Parts: @unchecked Sendable {
        let id: String
        var method: HTTPMethod
        var path: String
        var target: String
        var query: QueryItems
        var headers: HTTPFields
        var body: HTTPBody
        var logger: Logger
        var principal: Principal?
        var remoteAddress: String
        /// `nil` where it is the peer's.
        var clientAddress: String?
        var scheme: String
        var pathParameters: [String] = []
        var slots: [ObjectIdentifier: any Sendable] = [:]

        init(
            id: String, method: HTTPMethod, path: String, target: String, query: QueryItems, headers: HTTPFields,
            body: HTTPBody, logger: Logger, remoteAddress: String, scheme: String
        ) {
            self.id = id
            self.method = method
            self.path = path
            self.target = target
            self.query = query
            self.headers = headers
            self.body = body
            self.logger = logger
            self.remoteAddress = remoteAddress
            self.scheme = scheme
        }

        init(_ other: Parts) {
            id = other.id
            method = other.method
            path = other.path
            target = other.target
            query = other.query
            headers = other.headers
            body = other.body
            logger = other.logger
            principal = other.principal
            remoteAddress = other.remoteAddress
            clientAddress = other.clientAddress
            scheme = other.scheme
            pathParameters = other.pathParameters
            slots = other.slots
        }
    }
}

/// Names a typed slot of a ``Request``.
public protocol RequestKey {
    /// What the slot holds.
    associatedtype Value: Sendable
    /// What an unset slot reads as.
    static var defaultValue: Value { get }
}
