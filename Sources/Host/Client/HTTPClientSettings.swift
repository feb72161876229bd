/// Limits of the HTTP client, for the whole daemon; each loop gets its share.
package struct HTTPClientSettings: Sendable {
    /// Sent with every request that names no `User-Agent` of its own.
    package var userAgent: String
    /// Connections to one host and port; further requests wait for one.
    package var maxConnectionsPerHost = 512
    /// Connections to all hosts; further requests wait.
    package var maxConnections = 4096
    /// Connections that are kept for reuse, the busy ones counted; libcurl closes the longest idle one above it.
    ///
    /// It has no such limit per host.
    package var maxKeptConnections = 4096
    /// The least of all connections and of kept ones that a loop has for itself, however many loops there are.
    ///
    /// One loop may watch a thousand servers: with less, each request would open a connection and close another server's.
    package var leastConnectionsPerLoop = 1536
    /// How long an idle connection may be reused, in whole seconds.
    package var idleConnectionLifetime: Duration = .seconds(60)
    /// How long the addresses of a host's name are remembered for new connections, in whole seconds.
    package var nameLifetime: Duration = .seconds(2)
    /// How long an idle connection may be reused by a request that must not be sent twice, in whole seconds.
    ///
    /// Shorter than the keep-alive time of the servers met in practice (the shortest common one is 5 s), because a
    /// connection that the server closes at that very moment leaves open whether it took the request.
    package var idleLifetimeForUnsafeMethods: Duration = .seconds(3)
    /// Bytes of an answer's header, interim answers and trailers counted.
    package var maxResponseHeaderBytes = 64 << 10
    /// Bytes of an answer's body that are held before the peer has to wait for the reader.
    package var responseBodyBuffer = 128 << 10
    /// The largest request body of known length that is read whole before it is sent.
    package var wholeRequestBodyLimit = 64 << 10
    /// The largest WebSocket message taken from a peer, in bytes.
    package var maxWebSocketMessageBytes = 64 << 20
    /// A file of certificate authorities in PEM form to trust instead of the system's.
    package var certificateAuthorities: String?

    /// Makes the default settings.
    package init(version: String = "dev") {
        userAgent = "comfyd/\(version)"
    }
}
