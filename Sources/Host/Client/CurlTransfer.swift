import CCurl
import PluginAPI

/// One request and its answer.
///
/// libcurl's callbacks only record what they bring; tasks are resumed in ``settle()``, after libcurl has returned.
/// So a small answer is here with its whole body when ``CurlHTTPClient/send(_:)`` returns.
final class CurlTransfer: CurlOperation, @unchecked Sendable {
    let request: ClientRequest
    let url: ClientURL
    /// Whether libcurl may send the request again on a fresh connection when a reused one turns out to be dead.
    let isRepeatable: Bool

    var head = ResponseHead()
    var headers: UnsafeMutablePointer<curl_slist>?
    var errorText = CurlErrorText()
    /// Why our callbacks or the engine end the transfer, whatever libcurl calls it.
    var verdict: (any Error)?

    // The body on its way in.
    var received: [UInt8] = []
    var expectedLength = -1
    var isReceivingPaused = false
    private var lastReceived = Instant(nanoseconds: 0)

    // The body on its way out.
    var upload: CurlUpload?
    var isSendingPaused = false

    // What was sent, see wasSent.
    private var attempts = 0
    private var sizeBefore = 0
    private var wasSentBefore = false

    private enum Phase {
        case new
        case running
        case ended((any Error)?)
    }

    private var phase = Phase.new
    private var isCancelled = false
    private var headWaiter: CheckedContinuation<ClientResponse, any Error>?
    private var bodyWaiter: CheckedContinuation<[UInt8]?, any Error>?

    init(_ request: ClientRequest, url: ClientURL, engine: CurlEngine) {
        self.request = request
        self.url = url
        let isSafe = request.method == .get || request.method == .head || request.method == .options
        isRepeatable = isSafe && request.body == nil
        super.init(engine: engine, policy: request.addressPolicy)
    }

    deinit {
        curl_slist_free_all(headers)
    }

    // MARK: - Starting and ending

    /// Starts the request; the waiter is resumed once, with the header or an error.
    func start(deadline: Instant, body: CurlRequestBody, waiter: CheckedContinuation<ClientResponse, any Error>) {
        guard !isCancelled else {
            waiter.resume(throwing: CancellationError())
            return
        }
        guard let easy = engine.takeHandle() else {
            waiter.resume(
                throwing: HTTPClientError(.connection, mayHaveBeenProcessed: false, "the client is shut down"))
            return
        }
        self.easy = easy
        do {
            try prepare(easy, body: body)
        } catch {
            engine.detach(self)
            waiter.resume(throwing: error)
            return
        }
        headWaiter = waiter
        phase = .running
        guard engine.attach(self, deadline: deadline) else {
            end(failure(.connection, "libcurl refused the request"))
            return
        }
        upload?.start(for: self)
    }

    /// Ends the transfer and gives its handle back; the first end counts.
    func end(_ error: (any Error)?) {
        guard case .running = phase else { return }
        // Asked for while the handle still has its numbers.
        phase = .ended(error)
        engine.detach(self)
        upload?.cancel()
        upload = nil
        touch()
    }

    /// Ends the transfer because nobody wants it any more.
    func cancel() {
        isCancelled = true
        end(CancellationError())
    }

    override func ended(_ code: CURLcode) {
        if let verdict {
            end(verdict)
        } else if code == CURLE_OK {
            end(head.isComplete ? nil : failure(.connection, "the peer sent no complete header"))
        } else {
            end(CurlFailure.error(code, of: self))
        }
    }

    override func deadlinePassed(_ now: Instant) {
        guard head.isComplete else {
            let wasSent = wasSent
            let words = wasSent ? "no answer within \(request.timeout)" : "not connected within \(request.timeout)"
            end(failure(wasSent ? .timeout : .connect, words))
            return
        }
        // Silence counts while the peer could send, not while it waits for our reader.
        let silentSince = isReceivingPaused ? now : lastReceived
        let deadline = silentSince.advanced(by: max(request.idleTimeout, .milliseconds(1)))
        if deadline > now {
            engine.setDeadline(deadline, of: self)
        } else {
            end(failure(.timeout, "silence of \(request.idleTimeout) within the body"))
        }
    }

    override func engineClosed() {
        end(failure(.connection, "the client is shut down"))
    }

    /// An error of this request that knows whether something of it was sent.
    func failure(_ reason: HTTPClientError.Reason, _ words: String) -> HTTPClientError {
        HTTPClientError(reason, mayHaveBeenProcessed: wasSent, "\(request.method) \(url.authority): \(words)")
    }

    /// `errno` of the last failed connection; 0 when there is none.
    var systemError: Int {
        easy.map { comfyd_easy_long($0, CURLINFO_OS_ERRNO) } ?? 0
    }

    // MARK: - What was sent

    /// Whether a byte of the request was handed to a connection.
    var wasSent: Bool {
        if wasSentBefore { return true }
        guard attempts > 0, let easy else { return false }
        return comfyd_easy_long(easy, CURLINFO_REQUEST_SIZE) > sizeBefore
    }

    /// libcurl is about to send the request on a connection; says whether it may.
    ///
    /// libcurl sends a request again by itself when a *reused* connection ends before a byte of the answer came, also a
    /// `POST`: it takes it for a connection that the server closed while it was idle. But a server that read the request,
    /// worked on it and then died looks just the same, and a prompt must not run twice. libcurl asks here before each
    /// attempt, so a second one is refused unless the first did not write a byte or the method is safe (RFC 9110 §9.2.2).
    /// `CURLOPT_FRESH_CONNECT` would do it too, at the price of a connection for each `POST`.
    func mayAttempt(_ easy: UnsafeMutableRawPointer) -> Bool {
        let size = comfyd_easy_long(easy, CURLINFO_REQUEST_SIZE)
        if attempts > 0, size > sizeBefore { wasSentBefore = true }
        attempts += 1
        sizeBefore = size
        guard !wasSentBefore || isRepeatable else {
            verdict = failure(.connection, "the connection ended before an answer came")
            return false
        }
        return true
    }

    /// No connection for an attempt that would be refused anyway: a dead host would take the whole connect timeout.
    override var mayOpenSocket: Bool { isRepeatable || !wasSent }

    /// Whether the request may be sent to the peer of a connection, which another request may have opened.
    func maySend(to peer: UnsafePointer<CChar>, port: Int32) -> Bool {
        guard let addresses, !addresses.allows(IPAddress(String(cString: peer)), port: Int(port)) else { return true }
        verdict = failure(.addressRefused, AddressCheck.words)
        return false
    }

    // MARK: - The answer

    /// Takes a piece of the body; says whether there was room.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        lastReceived = MonotonicClock.now
        guard received.count < engine.settings.responseBodyBuffer else {
            isReceivingPaused = true
            return false
        }
        if received.isEmpty { received.reserveCapacity(max(bytes.count, min(expectedLength, 64 << 10))) }
        received.append(contentsOf: bytes)
        if bodyWaiter != nil { touch() }
        return true
    }

    /// The header is complete.
    func headArrived(_ easy: UnsafeMutableRawPointer) {
        lastReceived = MonotonicClock.now
        expectedLength = Int(comfyd_easy_content_length(easy))
        touch()
    }

    override func settle() {
        if let waiter = headWaiter {
            if head.isComplete {
                headWaiter = nil
                waiter.resume(returning: response())
            } else if case .ended(let error) = phase {
                headWaiter = nil
                waiter.resume(throwing: error ?? CancellationError())
            }
        } else if let waiter = bodyWaiter {
            do {
                guard let piece = try takePiece() else { return }
                bodyWaiter = nil
                waiter.resume(returning: piece.isEmpty ? nil : piece)
            } catch {
                bodyWaiter = nil
                waiter.resume(throwing: error)
            }
        }
    }

    private func response() -> ClientResponse {
        let status = Status(head.status)
        let fields = HTTPFields(head.fields)
        if case .ended(nil) = phase {
            defer { received = [] }
            return ClientResponse(status: status, headers: fields, body: HTTPBody(received))
        }
        if case .running = phase {
            engine.setDeadline(lastReceived.advanced(by: max(request.idleTimeout, .milliseconds(1))), of: self)
        }
        let reader = CurlBodyReader(self)
        let length = expectedLength >= 0 ? expectedLength : nil
        return ClientResponse(
            status: status, headers: fields, body: HTTPBody(length: length) { try await reader.next() })
    }

    /// The bytes that are here, an empty piece at the end, `nil` when one has to wait.
    func takePiece() throws -> [UInt8]? {
        if !received.isEmpty {
            let piece = received
            received = []
            if isReceivingPaused { resumeReceiving() }
            return piece
        }
        guard case .ended(let error) = phase else { return nil }
        if let error { throw error }
        return []
    }

    /// Waits for the next piece.
    func waitForPiece(_ waiter: CheckedContinuation<[UInt8]?, any Error>) {
        bodyWaiter = waiter
        settle()
    }

    private func resumeReceiving() {
        isReceivingPaused = false
        lastReceived = MonotonicClock.now
        updatePause()
    }

    /// Tells libcurl which directions rest; it may call the write callback from within.
    func updatePause() {
        guard let easy else { return }
        let bits = (isReceivingPaused ? CURLPAUSE_RECV : 0) | (isSendingPaused ? CURLPAUSE_SEND : 0)
        curl_easy_pause(easy, bits)
    }
}
