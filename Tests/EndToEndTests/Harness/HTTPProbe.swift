import PluginAPI

/// A plain HTTP client of one port; each request has a connection and a thread of its own.
struct HTTPProbe: Sendable {
    var port: UInt16
    /// Sent with each request.
    var fields: [(String, String)] = []
    var timeout = 20.0 * Places.patience

    /// The same with a bearer token.
    func bearing(_ token: String) -> HTTPProbe {
        var copy = self
        copy.fields.append(("Authorization", "Bearer \(token)"))
        return copy
    }

    /// Sends a request.
    ///
    /// - Throws: ``ProbeError``.
    @discardableResult
    func send(
        _ method: String, _ target: String, _ more: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        let request = HTTPRequest(method: method, target: target, fields: fields + more, body: body)
        return try await onThread { [port, timeout] in
            try HTTPWire(port: port, timeout: timeout).exchange(request)
        }
    }

    @discardableResult
    func get(_ target: String, _ more: [(String, String)] = []) async throws -> HTTPAnswer {
        try await send("GET", target, more)
    }

    @discardableResult
    func post(_ target: String, _ body: JSON) async throws -> HTTPAnswer {
        try await send("POST", target, [("Content-Type", "application/json")], body: body.serialized())
    }

    /// Sends bytes as they are and reads until the peer closes, or for at most some seconds.
    func raw(
        _ bytes: [UInt8], finishing: Bool = false, timeout: Double = 5
    ) async throws -> (bytes: [UInt8], ended: Bool) {
        try await onThread { [port] in
            let connection = try TCPConnection(port: port, timeout: timeout)
            do {
                try connection.write(bytes)
            } catch ProbeError.closed {}
            if finishing { connection.finishWriting() }
            return connection.readToEnd()
        }
    }
}
