import PluginAPI

/// Says why a server did not answer as it should.
public enum ServerFailure {
    /// Words that are safe to show: no address, and none of the server's own.
    public static func words(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError:
            switch error.reason {
            case .invalidURL: "its address cannot be used"
            case .resolve: "its name cannot be resolved"
            case .connect: "no connection"
            case .tls: "the TLS handshake failed"
            case .timeout: "no answer in time"
            case .connection: "the connection broke"
            case .tooLarge: "its answer is too large"
            case .upgradeRefused: "it refuses WebSockets"
            case .addressRefused: "its address is not allowed"
            @unknown default: "it cannot be reached"
            }
        case let error as ComfyServerError: "an answer that ComfyUI does not give: \(error.reason)"
        case let error as HTTPError where error.status == .contentTooLarge: "its answer is too large"
        default: "it cannot be reached"
        }
    }
}
