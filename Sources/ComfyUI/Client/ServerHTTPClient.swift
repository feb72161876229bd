public import PluginAPI

extension ComfyClient {
    /// The server as an HTTP client of its own: the URL of a request is a path such as `/system_stats`, and address and
    /// credentials are added.
    public var paths: any HTTPClient { ServerHTTPClient(server: self) }
}

/// An HTTP client that reaches one server only.
private struct ServerHTTPClient: HTTPClient {
    let server: ComfyClient

    func send(_ request: ClientRequest) async throws -> ClientResponse {
        try await server.http.send(try absolute(request))
    }

    func webSocket(_ request: ClientRequest) async throws -> any WebSocket {
        try await server.http.webSocket(try absolute(request))
    }

    private func absolute(_ request: ClientRequest) throws -> ClientRequest {
        // Anything else could go on with another host: `http://server:8188` and `@elsewhere`.
        guard request.url.utf8.first == UInt8(ascii: "/") else {
            throw HTTPClientError(.invalidURL, mayHaveBeenProcessed: false, "expected a path that begins with /")
        }
        var request = request
        request.url = server.baseURL + request.url
        request.credentials = server.credentials
        return request
    }
}
