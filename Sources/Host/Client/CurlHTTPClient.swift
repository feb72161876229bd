package import PluginAPI

/// The daemon's HTTP client: libcurl on the event loops, one pool of connections per loop.
///
/// A request from a task on a loop stays on that loop. HTTP/1.1, `http` and `https` alone; redirects are answers like
/// any other, cookies are not kept, and bodies pass as they are. Proxies come from the environment as curl reads it
/// (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`), except for addresses of this machine.
package final class CurlHTTPClient: HTTPClient {
    private let group: EventLoopGroup
    private let logger: Logger
    private let settings: HTTPClientSettings
    private let engines: [CurlEngine]
    private let webSocketEngines: [CurlEngine]
    private let own = OwnListeners()

    /// Makes a client; ``shutDown()`` ends it.
    package init(group: EventLoopGroup, logger: Logger = Logger(), settings: HTTPClientSettings = HTTPClientSettings())
    {
        self.group = group
        self.logger = logger
        self.settings = settings
        let shares = group.loops.count
        engines = group.loops.map { [own] in
            CurlEngine(loop: $0, settings: settings, purpose: .requests, shares: shares, own: own)
        }
        webSocketEngines = group.loops.map { [own] in
            CurlEngine(loop: $0, settings: settings, purpose: .webSockets, shares: shares, own: own)
        }
    }

    /// Says where the daemon listens, so that an ``AddressPolicy`` knows its addresses.
    package func daemonListens(at addresses: [(address: String, port: UInt16)]) {
        own.set(addresses)
    }

    /// Sends a request and returns as soon as the answer's header is here; the body streams.
    ///
    /// A body of at most ``HTTPClientSettings/wholeRequestBodyLimit`` bytes is read before anything is sent.
    ///
    /// - Throws: ``HTTPClientError``; `CancellationError`; what the source of the request's body throws.
    package func send(_ request: ClientRequest) async throws -> ClientResponse {
        let url = try ClientURL(request.url)
        let deadline = MonotonicClock.now.advanced(by: request.timeout)
        let body = try await Self.body(of: request, limit: settings.wholeRequestBodyLimit)
        let transfer = CurlTransfer(request, url: url, engine: engine(of: engines))
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                transfer.engine.run { transfer.start(deadline: deadline, body: body, waiter: waiter) }
            }
        } onCancel: {
            transfer.engine.later { transfer.cancel() }
        }
    }

    /// Opens a WebSocket (`ws`, `wss`, `http` and `https` URLs); it lives until it is closed.
    ///
    /// The whole of connecting and shaking hands is under the request's timeout.
    ///
    /// - Throws: ``HTTPClientError``, `upgradeRefused` with the status when the peer does not want it; `CancellationError`.
    package func webSocket(_ request: ClientRequest) async throws -> any WebSocket {
        let deadline = MonotonicClock.now.advanced(by: request.timeout)
        let opening = try WebSocketOpening(request, engine: engine(of: webSocketEngines))
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                opening.engine.run { opening.start(deadline: deadline, waiter: waiter) }
            } as WebSocketConnection
        } onCancel: {
            opening.engine.later { opening.cancel() }
        }
    }

    /// Ends all requests and closes all connections; before the loops are shut down.
    package func shutDown() async {
        let count = await requestCount
        logger.debug("the HTTP client ends", ["requests": String(count)])
        for engine in engines + webSocketEngines {
            await withCheckedContinuation { done in
                engine.run {
                    engine.close()
                    done.resume()
                }
            }
        }
    }

    /// Requests under way and open WebSockets, for metrics; each loop is asked in turn.
    package var requestCount: Int {
        get async {
            var count = 0
            for engine in engines + webSocketEngines {
                count += await withCheckedContinuation { found in
                    engine.run { found.resume(returning: engine.operationCount) }
                }
            }
            return count
        }
    }

    private func engine(of engines: [CurlEngine]) -> CurlEngine {
        let loop = group.preferred()
        let index = engines.indices.contains(loop.index) && engines[loop.index].loop === loop ? loop.index : nil
        return engines[index ?? group.next().index]
    }

    private static func body(of request: ClientRequest, limit: Int) async throws -> CurlRequestBody {
        guard let body = request.body else { return .none }
        guard let length = body.length, length <= limit else { return .stream(body) }
        let bytes = try await body.collect(upTo: length)
        guard bytes.count == length else {
            throw HTTPClientError(
                .connection, mayHaveBeenProcessed: false, "the request's body is shorter than announced")
        }
        return .bytes(bytes)
    }
}
