import CCurl
import PluginAPI

extension CurlTransfer {
    /// Puts the request into libcurl's options.
    func prepare(_ easy: UnsafeMutableRawPointer, body: CurlRequestBody) throws {
        guard HTTPFields.isValid(name: request.method.rawValue) else {
            throw HTTPClientError(.invalidURL, mayHaveBeenProcessed: false, "the method is not a token")
        }
        CurlOptions.setConnection(easy, of: self, url: url, connectTimeout: request.connectTimeout)
        let context = Unmanaged.passUnretained(self).toOpaque()
        comfyd_easy_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText.buffer)
        comfyd_easy_set_write(easy, curlBodyArrived, context)
        comfyd_easy_set_header(easy, curlHeaderArrived, context)
        comfyd_easy_set_prereq(easy, curlIsAboutToSend, context)
        if !isRepeatable {
            let age = engine.settings.idleLifetimeForUnsafeMethods.components.seconds
            comfyd_easy_set_long(easy, CURLOPT_MAXAGE_CONN, Int(clamping: age))
        }
        var lines = try RequestHeaderLines(request, userAgent: engine.settings.userAgent)
        setMethodAndBody(easy, body, &lines)
        headers = lines.list
        comfyd_easy_set_headers(easy, headers)
    }

    private func setMethodAndBody(
        _ easy: UnsafeMutableRawPointer, _ body: CurlRequestBody, _ lines: inout RequestHeaderLines
    ) {
        if request.method == .head {
            comfyd_easy_set_long(easy, CURLOPT_NOBODY, 1)
            return
        }
        switch body {
        case .none where !Self.needsLength(request.method):
            comfyd_easy_set_long(easy, CURLOPT_HTTPGET, 1)
        case .none:
            setBytes(easy, [])
            lines.describeBody(isChunked: false)
        case .bytes(let bytes):
            setBytes(easy, bytes)
            lines.describeBody(isChunked: false)
        case .stream(let body):
            upload = CurlUpload(body)
            comfyd_easy_set_long(easy, CURLOPT_POST, 1)
            comfyd_easy_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, body.length ?? -1)
            comfyd_easy_set_read(easy, curlWantsBody, Unmanaged.passUnretained(self).toOpaque())
            lines.describeBody(isChunked: body.length == nil)
        }
        comfyd_easy_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    }

    private func setBytes(_ easy: UnsafeMutableRawPointer, _ bytes: [UInt8]) {
        comfyd_easy_set_long(easy, CURLOPT_POST, 1)
        comfyd_easy_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
        _ = bytes.withUnsafeBytes { bytes in
            // libcurl copies them here; an empty body is the empty text, since without one it would ask a callback.
            if let start = bytes.baseAddress, !bytes.isEmpty {
                comfyd_easy_set_text(easy, CURLOPT_COPYPOSTFIELDS, start.assumingMemoryBound(to: CChar.self))
            } else {
                comfyd_easy_set_text(easy, CURLOPT_COPYPOSTFIELDS, "")
            }
        }
    }

    /// Whether a request without a body says `Content-Length: 0` (RFC 9110 §8.6).
    private static func needsLength(_ method: HTTPMethod) -> Bool {
        method == .post || method == .put || method == .patch
    }
}

/// The options that every connection has.
enum CurlOptions {
    static func setConnection(
        _ easy: UnsafeMutableRawPointer, of operation: CurlOperation, url: ClientURL, connectTimeout: Duration
    ) {
        let settings = operation.engine.settings
        comfyd_easy_set_text(easy, CURLOPT_URL, url.text)
        // A path is sent as it is written, dots included.
        comfyd_easy_set_long(easy, CURLOPT_PATH_AS_IS, 1)
        comfyd_easy_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        // HTTP/2 would gain nothing with servers that speak HTTP/1.1, and has open bugs with pauses in this version.
        comfyd_easy_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        comfyd_easy_set_long(easy, CURLOPT_NOSIGNAL, 1)
        // Or giving up a name that is being resolved would wait for the resolver's thread.
        comfyd_easy_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        comfyd_easy_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        comfyd_easy_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, connectTimeout.curlMilliseconds)
        let age = settings.idleConnectionLifetime.components.seconds
        comfyd_easy_set_long(easy, CURLOPT_MAXAGE_CONN, Int(clamping: age))
        // After each request libcurl looks through all names that it remembers: with a thousand servers they must be few.
        let memory = settings.nameLifetime.components.seconds
        comfyd_easy_set_long(easy, CURLOPT_DNS_CACHE_TIMEOUT, Int(clamping: memory))
        // As curl does, proxies come from http_proxy, https_proxy, all_proxy and no_proxy; but never for this machine, and
        // not where the address matters, which behind a proxy nobody sees.
        if url.isLoopback || operation.addresses != nil { comfyd_easy_set_text(easy, CURLOPT_PROXY, "") }
        if url.isSecure, let file = settings.certificateAuthorities {
            comfyd_easy_set_text(easy, CURLOPT_CAINFO, file)
        }
        // A connection outlives the operation that opened it.
        comfyd_easy_set_sockets(
            easy, curlOpenSocket, Unmanaged.passUnretained(operation).toOpaque(), curlCloseSocket,
            Unmanaged.passUnretained(operation.engine).toOpaque())
    }
}

extension Duration {
    /// Whole milliseconds as libcurl takes them; it reads zero as its own default.
    var curlMilliseconds: Int {
        Int(min(max(inNanoseconds / 1_000_000, 1), Int64(Int32.max)))
    }
}
