import Glibc
import Host
import PluginAPI
import Testing

@Suite("the HTTP client and the HTTP server understand each other")
struct ClientAgainstServerTests {
    @Test("requests and bodies pass both ways, plain and over TLS", arguments: [false, true])
    func roundTrip(isSecure: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let tls = isSecure ? try makeCertificate(in: directory) : nil
            try await withServer(tls: tls) { request in
                guard let bytes = try? await request.body.collect(upTo: 64 << 20) else { return text("no body") }
                return .response(
                    Response(
                        headers: ["X-Method": request.method.rawValue, "X-Target": request.target],
                        body: .bytes(bytes)))
            } _: { _, port in
                var settings = HTTPClientSettings()
                settings.certificateAuthorities = tls?.certificate
                try await withClient(settings: settings) { client, _ in
                    let url = "\(isSecure ? "https" : "http")://127.0.0.1:\(port)/a%20b?c"
                    for size in [0, 1, 20_000, 5_000_000] {
                        let bytes = patternBytes(size)
                        let answer = try await client.send(ClientRequest(.post, url, body: HTTPBody(bytes)))
                        #expect(answer.headers["x-method"] == "POST")
                        #expect(answer.headers["x-target"] == "/a%20b?c")
                        #expect(try await answer.body.collect(upTo: 64 << 20) == bytes)
                    }
                }
            }
        }
    }

    @Test("a certificate that nobody vouches for is refused before anything is sent")
    func untrusted() async throws {
        try await withTemporaryDirectory { directory in
            try await withServer(tls: try makeCertificate(in: directory)) { _ in
                text("never")
            } _: { _, port in
                try await withClient { client, _ in
                    let error = try await clientError {
                        _ = try await client.send(ClientRequest(.post, "https://127.0.0.1:\(port)/"))
                    }
                    #expect(error.reason == .tls)
                    #expect(!error.mayHaveBeenProcessed)
                    let socketError = try await clientError {
                        _ = try await client.webSocket(ClientRequest(.get, "wss://127.0.0.1:\(port)/"))
                    }
                    #expect(socketError.reason == .tls)
                    #expect(!socketError.mayHaveBeenProcessed)
                }
            }
        }
    }
}

/// Makes a key and a certificate for 127.0.0.1 that vouches for itself.
func makeCertificate(in directory: String) throws -> (certificate: String, key: String) {
    let certificate = directory + "/certificate.pem"
    let key = directory + "/key.pem"
    let status = system(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 "
            + "-addext subjectAltName=IP:127.0.0.1 -out '\(certificate)' -keyout '\(key)' 2>/dev/null")
    try #require(status == 0)
    return (certificate, key)
}

/// The value of `Sec-WebSocket-Accept` for a key, as the `openssl` command computes it.
func openSSLAccept(_ key: String) -> String {
    let command = "printf %s '\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11' | openssl dgst -sha1 -binary | openssl base64"
    guard let output = popen(command, "r") else { return "" }
    defer { pclose(output) }
    var line = [CChar](repeating: 0, count: 64)
    guard fgets(&line, Int32(line.count), output) != nil else { return "" }
    return String(decoding: line.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
