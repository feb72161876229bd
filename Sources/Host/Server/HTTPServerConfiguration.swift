/// What the HTTP server listens on and how much it takes.
package struct HTTPServerConfiguration: Sendable {
    /// One address to listen on.
    package struct Listener: Sendable, Equatable {
        /// An IPv4 or IPv6 address, without brackets.
        package var address: String
        /// A port; 0 lets the system choose.
        package var port: UInt16
        /// PEM files of certificate chain and key; both or none.
        package var certificate: String?
        package var key: String?
        /// A listening socket inherited from an earlier process, used instead of binding.
        package var inheritedSocket: Int32?

        package init(
            address: String, port: UInt16, certificate: String? = nil, key: String? = nil,
            inheritedSocket: Int32? = nil
        ) {
            self.address = address
            self.port = port
            self.certificate = certificate
            self.key = key
            self.inheritedSocket = inheritedSocket
        }
    }

    /// The addresses.
    package var listeners: [Listener]
    /// The limits.
    package var limits: HTTPLimits

    package init(listeners: [Listener], limits: HTTPLimits = HTTPLimits()) {
        self.listeners = listeners
        self.limits = limits
    }
}

/// The limits of DESIGN §4 that the server itself enforces.
package struct HTTPLimits: Sendable {
    /// Bytes of request line and header fields together; more is answered with 431.
    package var header = 16 << 10
    /// Bytes of any request body; more is answered with 413.
    ///
    /// Handlers set lower limits of their own.
    package var body = 1 << 30
    /// Silence between requests and within a body.
    package var idleTimeout = Duration.seconds(60)
    /// Time to send the whole header.
    package var headerTimeout = Duration.seconds(10)
    /// Open connections over all listeners; further ones wait in the listen queue or are closed.
    package var connections = 10_000
    /// Bytes of a body held in memory before its reader takes them; then the socket is paused.
    package var bodyBuffer = 64 << 10
    /// Bytes of WebSocket messages waiting for a slow peer; more closes the connection with 1013.
    package var webSocketBuffer = 4 << 20
    /// Time between pings on a WebSocket; a peer that is silent for two of them is dropped.
    package var webSocketPing = Duration.seconds(20)

    package init() {}
}
