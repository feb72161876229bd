import CCurl
import CLinux
import Glibc
import PluginAPI

/// Opens a WebSocket: libcurl makes the connection (proxy, TLS), we shake hands on it.
///
/// It stays with the engine for as long as the WebSocket is open, because the handle must.
final class WebSocketOpening: CurlOperation, @unchecked Sendable {
    private enum Phase {
        case new
        case connecting
        case shaking(CurlWebSocketTransport)
        case open(CurlWebSocketTransport)
        case ended
    }

    private let request: ClientRequest
    private let url: ClientURL
    private let handshake: ClientHandshake
    private var phase = Phase.new
    private var isCancelled = false
    private var waiter: CheckedContinuation<WebSocketConnection, any Error>?
    private weak var connection: WebSocketConnection?
    private let errorText = CurlErrorText()
    private var sentCount = 0
    private var input: [UInt8] = []

    init(_ request: ClientRequest, engine: CurlEngine) throws {
        self.request = request
        url = try ClientURL(request.url, allowsWebSocket: true)
        handshake = try ClientHandshake(request, url: url, userAgent: engine.settings.userAgent)
        super.init(engine: engine, policy: request.addressPolicy)
    }

    /// Starts; the waiter is resumed once.
    func start(deadline: Instant, waiter: CheckedContinuation<WebSocketConnection, any Error>) {
        guard !isCancelled else {
            waiter.resume(throwing: CancellationError())
            return
        }
        self.waiter = waiter
        phase = .connecting
        guard let easy = engine.takeHandle() else {
            end(failure(.connection, "the client is shut down"))
            return
        }
        self.easy = easy
        CurlOptions.setConnection(easy, of: self, url: url, connectTimeout: request.connectTimeout)
        comfyd_easy_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText.buffer)
        comfyd_easy_set_long(easy, CURLOPT_CONNECT_ONLY, 1)
        // Through a proxy a WebSocket needs a tunnel, also without TLS.
        comfyd_easy_set_long(easy, CURLOPT_HTTPPROXYTUNNEL, 1)
        comfyd_easy_set_long(easy, CURLOPT_BUFFERSIZE, 64 << 10)
        if !engine.attach(self, deadline: deadline) { end(failure(.connection, "libcurl refused the request")) }
    }

    /// Gives up, unless the WebSocket is open.
    func cancel() {
        isCancelled = true
        end(CancellationError())
    }

    /// Closes the connection; called by the open WebSocket.
    func close() {
        phase = .ended
        engine.detach(self)
    }

    override func ended(_ code: CURLcode) {
        guard case .connecting = phase else { return }
        guard code == CURLE_OK, let easy else {
            if let addresses, addresses.refusedAll {
                end(failure(.addressRefused, AddressCheck.words))
                return
            }
            let reason = CurlFailure.reason(code, wasSent: false, isHeadComplete: false)
            end(failure(reason, errorText.words(or: code)))
            return
        }
        let descriptor = comfyd_easy_socket(easy)
        guard descriptor >= 0 else {
            end(failure(.connect, "the connection is gone"))
            return
        }
        // From here on the socket is ours to watch.
        engine.forget(descriptor)
        let transport = CurlWebSocketTransport(self, descriptor: descriptor, isSecure: url.isSecure)
        phase = .shaking(transport)
        engine.loop.watch(descriptor, events: EPOLLIN.rawValue | EPOLLOUT.rawValue) { [weak self] _ in self?.shake() }
    }

    override func deadlinePassed(_ now: Instant) {
        if case .open = phase {
            engine.setDeadline(Instant(nanoseconds: .max), of: self)
            return
        }
        end(failure(sentCount > 0 ? .timeout : .connect, "no WebSocket within \(request.timeout)"))
        // Always, or the engine would ask again at once.
        engine.detach(self)
    }

    override func engineClosed() {
        if case .open(let transport) = phase {
            transport.cutOff()
            connection?.ready(EPOLLIN.rawValue | EPOLLHUP.rawValue)
        }
        end(failure(.connection, "the client is shut down"))
    }

    private func failure(_ reason: HTTPClientError.Reason, _ words: String) -> HTTPClientError {
        HTTPClientError(reason, mayHaveBeenProcessed: sentCount > 0, "WebSocket \(url.authority): \(words)")
    }

    private func end(_ error: any Error) {
        switch phase {
        case .open, .ended, .new: return
        case .shaking(let transport): engine.loop.unwatch(transport.descriptor)
        case .connecting: break
        }
        phase = .ended
        engine.detach(self)
        waiter?.resume(throwing: error)
        waiter = nil
    }
}

// MARK: - The handshake

extension WebSocketOpening {
    private func shake() {
        guard case .shaking(let transport) = phase else { return }
        while sentCount < handshake.bytes.count {
            let result = handshake.bytes.withUnsafeBytes {
                transport.write(UnsafeRawBufferPointer(rebasing: $0[sentCount...]))
            }
            switch result {
            case .bytes(let count): sentCount += count
            case .wouldBlock: return
            case .closed:
                end(failure(.connection, "the connection ended within the handshake"))
                return
            }
        }
        engine.loop.setEvents(EPOLLIN.rawValue, of: transport.descriptor)
        withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) { buffer in
            read(transport, buffer)
        }
    }

    private func read(_ transport: CurlWebSocketTransport, _ buffer: UnsafeMutableRawBufferPointer) {
        switch transport.read(into: buffer) {
        case .wouldBlock: return
        case .closed: end(failure(.connection, "the connection ended within the handshake"))
        case .bytes(let count):
            input += buffer.prefix(count)
            takeLines(transport)
        }
    }

    private func takeLines(_ transport: CurlWebSocketTransport) {
        var head = ResponseHead(isUpgrade: true)
        var start = 0
        while let end = input[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let verdict = input.withUnsafeBytes {
                head.take(
                    UnsafeRawBufferPointer(rebasing: $0[start...end]), limit: engine.settings.maxResponseHeaderBytes)
            }
            start = end + 1
            switch verdict {
            case .more: continue
            case .complete: finish(transport, head, Array(input[start...]))
            case .refused(let reason, let words): self.end(failure(reason, words))
            }
            return
        }
        if input.count > engine.settings.maxResponseHeaderBytes || !"HTTP/".utf8.starts(with: input.prefix(5)) {
            end(
                failure(
                    input.count > 5 && input.starts(with: "HTTP/".utf8) ? .tooLarge : .connection, "no usable answer"))
        }
    }

    private func finish(_ transport: CurlWebSocketTransport, _ head: ResponseHead, _ rest: [UInt8]) {
        if let problem = handshake.problem(of: head) {
            end(failure(.upgradeRefused, problem))
            return
        }
        engine.loop.unwatch(transport.descriptor)
        engine.setDeadline(Instant(nanoseconds: .max), of: self)
        phase = .open(transport)
        input = []
        let connection = WebSocketConnection(
            transport: transport, role: .client, loop: engine.loop,
            maximumMessageSize: engine.settings.maxWebSocketMessageBytes, initialBytes: rest)
        self.connection = connection
        waiter?.resume(returning: connection)
        waiter = nil
    }
}
