import PluginAPI

/// What became of a message to a webhook.
enum WebhookDelivery: Sendable, Equatable {
    /// It was taken.
    case taken
    /// It was not; with the reason, and how long the webhook wants to be left alone.
    case failed(String, pause: Duration?)
    /// It never will be, because of its words.
    case unwanted(String)

    /// How long an answer may take, and its body once more.
    static let timeout = Duration.seconds(10)
    /// The longest pause that a webhook may ask for.
    static let longestPause = Duration.seconds(3600)
    /// How much of an answer is read.
    private static let answerLimit = 64 << 10

    /// Posts a message; redirects are failures.
    ///
    /// The reason of a failure never has the address in it, which may have a token.
    ///
    /// - Throws: `CancellationError`.
    static func post(
        _ message: WebhookMessage, _ format: WebhookFormat, _ context: PluginContext
    ) async throws -> WebhookDelivery {
        let request = ClientRequest(
            .post, message.url.withExposed { $0 }, headers: message.headers, body: HTTPBody(message.body),
            connectTimeout: timeout, timeout: timeout, idleTimeout: timeout)
        do {
            let answer = try await context.httpClient.send(request)
            // What others say beside their status does not matter, and may be long.
            guard answer.status.isSuccess, format.hasErrorCodes else { return result(answer.status, answer.headers) }
            guard let body = try await body(of: answer, context.clock) else {
                return .failed("its answer does not end", pause: nil)
            }
            guard let code = (try? JSON(parsing: body))?["errcode"]?.intValue else {
                return .failed("its answer has no errcode", pause: nil)
            }
            return format.result(of: code)
        } catch let error as HTTPClientError {
            return .failed("\(error.reason)", pause: nil)
        } catch is HTTPError {
            return .failed("its answer is too large", pause: nil)
        }
    }

    private static func result(_ status: Status, _ headers: HTTPFields) -> WebhookDelivery {
        if status.isSuccess { return .taken }
        let longest = Int(longestPause.components.seconds)
        let seconds = headers["Retry-After"].flatMap { Int($0) }.map { min(max($0, 1), longest) }
        return .failed("status \(status)", pause: seconds.map { .seconds($0) })
    }

    /// The body, `nil` when it takes too long: the client only minds silence, not that it drips.
    private static func body(of answer: ClientResponse, _ clock: any TimeSource) async throws -> [UInt8]? {
        try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { try await answer.body.collect(upTo: answerLimit) }
            group.addTask {
                try await clock.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
