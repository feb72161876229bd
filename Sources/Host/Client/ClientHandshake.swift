import COpenSSL
import PluginAPI

/// The client's half of the opening handshake (RFC 6455 §4.1).
struct ClientHandshake {
    /// The request as it goes on the wire.
    let bytes: [UInt8]

    private let key: String
    private let protocols: [String]

    /// Makes a request with a fresh key.
    init(_ request: ClientRequest, url: ClientURL, userAgent: String) throws {
        var random = [UInt8](repeating: 0, count: 16)
        guard RAND_bytes(&random, Int32(random.count)) == 1 else {
            throw HTTPClientError(.connection, mayHaveBeenProcessed: false, "no random bytes")
        }
        key = Base64.encode(random)
        protocols = Self.tokens(request.headers.values(for: "sec-websocket-protocol"))
        var text =
            "GET \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        text += "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n"
        for field in try RequestHeaderLines.fields(of: request, userAgent: userAgent) where !Self.isOurs(field.name) {
            text += "\(field.name): \(field.value)\r\n"
        }
        bytes = Array((text + "\r\n").utf8)
    }

    /// What is wrong with an answer; `nil` when the connection is a WebSocket now.
    func problem(of head: ResponseHead) -> String? {
        let fields = HTTPFields(head.fields)
        guard head.status == 101 else { return "HTTP \(head.status)" }
        guard Self.tokens(fields.values(for: "upgrade")).contains(where: { HTTPFields.same($0, "websocket") }),
            Self.tokens(fields.values(for: "connection")).contains(where: { HTTPFields.same($0, "upgrade") })
        else { return "HTTP 101 without an upgrade to WebSocket" }
        guard fields.values(for: "sec-websocket-accept") == [WebSocketHandshake.accept(for: key)] else {
            return "HTTP 101 with a wrong Sec-WebSocket-Accept"
        }
        guard !fields.contains("sec-websocket-extensions") else {
            return "HTTP 101 with extensions that were not offered"
        }
        let chosen = fields.values(for: "sec-websocket-protocol")
        guard chosen.count <= 1, chosen.allSatisfy(protocols.contains) else {
            return "HTTP 101 with a subprotocol that was not offered"
        }
        return nil
    }

    private static func isOurs(_ name: String) -> Bool {
        ["sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"].contains {
            HTTPFields.same($0, name)
        }
    }

    private static func tokens(_ values: [String]) -> [String] {
        values.flatMap { value in
            value.split(separator: ",").map { String($0.drop { $0 == " " }.prefix { $0 != " " }) }
        }
    }
}
