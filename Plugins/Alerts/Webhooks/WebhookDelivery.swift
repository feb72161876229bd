import PluginAPI

/// What became of a message to a webhook.
enum WebhookDelivery: Sendable, Equatable {
    /// It was taken.
    case taken
    /// It was not; with the reason, and how long the webhook wants to be left alone.
    case failed(String, pause: Duration?)

    /// How long an answer may take.
    static let timeout = Duration.seconds(10)
    /// How much of an answer is read.
    private static let answerLimit = 64 << 10
    /// The longest pause that a webhook may ask for.
    private static let longestPause = 3600

    /// Posts a message; redirects are failures.
    ///
    /// The reason of a failure never has the address in it, which may have a token.
    ///
    /// - Throws: `CancellationError`.
    static func post(
        _ message: WebhookMessage, _ format: WebhookFormat, _ client: any HTTPClient
    ) async throws -> WebhookDelivery {
        let request = ClientRequest(
            .post, message.url.withExposed { $0 }, headers: message.headers, body: HTTPBody(message.body),
            connectTimeout: timeout, timeout: timeout, idleTimeout: timeout)
        do {
            let answer = try await client.send(request)
            let body = try await answer.body.collect(upTo: answerLimit)
            return result(answer.status, answer.headers, body, format)
        } catch let error as HTTPClientError {
            return .failed("\(error.reason)", pause: nil)
        } catch is HTTPError {
            return .failed("its answer is too large", pause: nil)
        }
    }

    /// Reads an answer.
    static func result(
        _ status: Status, _ headers: HTTPFields, _ body: [UInt8], _ format: WebhookFormat
    ) -> WebhookDelivery {
        guard status.isSuccess else {
            let seconds = headers["Retry-After"].flatMap { Int($0) }.map { min(max($0, 1), longestPause) }
            return .failed("status \(status)", pause: seconds.map { .seconds($0) })
        }
        guard format.hasErrorCodes else { return .taken }
        guard let code = (try? JSON(parsing: body))?["errcode"]?.intValue else {
            return .failed("its answer has no errcode", pause: nil)
        }
        return code == 0 ? .taken : .failed("errcode \(code)", pause: nil)
    }
}
