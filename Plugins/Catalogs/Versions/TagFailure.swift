import PluginAPI

/// Why the tags of a repository could not be read.
enum TagFailure: Error {
    /// The address made of `versions.api_base` is none.
    case badAddress
    /// There was no answer, or not a whole one.
    case unreachable(HTTPClientError)
    /// The answer had a status that is none of success.
    case refused(Status, HTTPFields, hasToken: Bool)
    /// A redirect led nowhere, away from TLS, or to too many others.
    case badRedirect
    /// The answer was larger than allowed.
    case tooLarge
    /// The answer was no JSON, or no list.
    case noList

    /// 502 `COMFYUI_VERSION_SYNC_FAILED` with a sentence that helps, and `Retry-After` when GitHub counts requests.
    func httpError(_ clock: any TimeSource) -> HTTPError {
        var cause: (any Error)?
        if case .unreachable(let error) = self { cause = error }
        let wait = secondsToWait(clock)
        return HTTPError(
            .badGateway, "COMFYUI_VERSION_SYNC_FAILED", sentence(wait),
            headers: wait.map { ["Retry-After": String($0)] } ?? [:], cause: cause)
    }

    private func sentence(_ wait: Int?) -> String {
        switch self {
        case .badAddress: return "versions.api_base is not usable."
        case .unreachable(let error) where error.reason == .timeout: return "GitHub took too long to answer."
        case .unreachable: return "GitHub could not be reached."
        case .badRedirect: return "GitHub's answer leads to an address that is not followed."
        case .tooLarge: return "GitHub's answer is too large."
        case .noList: return "GitHub's answer is no list of tags."
        case .refused(let status, _, let hasToken):
            if let wait {
                return "GitHub's limit of requests is used up for \(wait) seconds"
                    + (hasToken ? "." : "; with versions.token it is higher.")
            }
            switch status.code {
            case 401: return "GitHub refuses versions.token."
            case 404: return "GitHub knows no such repository" + (hasToken ? ", or the token may not read it." : ".")
            default: return "GitHub answered with status \(status.code)."
            }
        }
    }

    /// The seconds after which GitHub takes requests again, if that is why it refused (its "Rate limits for the REST API").
    private func secondsToWait(_ clock: any TimeSource) -> Int? {
        guard case .refused(let status, let headers, _) = self, status.code == 403 || status.code == 429 else {
            return nil
        }
        let after = headers["Retry-After"].flatMap { Int($0) }
        let isUsedUp = headers["X-RateLimit-Remaining"] == "0"
        guard status.code == 429 || after != nil || isUsedUp else { return nil }
        let reset = headers["X-RateLimit-Reset"].flatMap { Int64($0) }.map { reset in
            Int(clamping: min(max(reset, 0), 1 << 40) - clock.wallClock.milliseconds / 1000)
        }
        return min(max(after ?? (isUsedUp ? reset : nil) ?? Self.usualWait, 1), Self.longestWait)
    }

    /// What GitHub asks for where it does not say how long.
    private static let usualWait = 60
    private static let longestWait = 86_400
}
