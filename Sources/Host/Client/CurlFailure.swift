import CCurl
import CLinux
import Glibc
import PluginAPI

/// Puts libcurl's error codes into the client's words.
enum CurlFailure {
    /// The error of a transfer that libcurl ended.
    static func error(_ code: CURLcode, of transfer: CurlTransfer) -> HTTPClientError {
        let wasSent = transfer.wasSent
        if !wasSent, let addresses = transfer.addresses, addresses.refusedAll {
            return transfer.failure(.addressRefused, AddressCheck.words)
        }
        let reason = reason(code, wasSent: wasSent, isHeadComplete: transfer.head.isComplete)
        var error = transfer.failure(reason, transfer.errorText.words(or: code))
        error.wasRefused = reason == .connect && transfer.systemError == Int(ECONNREFUSED)
        return error
    }

    /// The reason behind a code, by how far the request had come.
    static func reason(_ code: CURLcode, wasSent: Bool, isHeadComplete: Bool) -> HTTPClientError.Reason {
        if wasSent {
            switch code {
            case CURLE_OPERATION_TIMEDOUT: return .timeout
            // What libcurl says of a header line above its own limit of 100 kB.
            case CURLE_OUT_OF_MEMORY where !isHeadComplete: return .tooLarge
            default: return .connection
            }
        }
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: return .invalidURL
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return .resolve
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_USE_SSL_FAILED:
            return .tls
        default: return .connect
        }
    }
}

/// The buffer into which libcurl writes the words of an error.
struct CurlErrorText: ~Copyable {
    /// Stays at one address for as long as libcurl may write to it.
    let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init() {
        buffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        buffer.deallocate()
    }

    /// The words, or those for the code when libcurl wrote none.
    func words(or code: CURLcode) -> String {
        let words = String(cString: buffer)
        return words.isEmpty ? String(cString: curl_easy_strerror(code)) : words
    }
}
