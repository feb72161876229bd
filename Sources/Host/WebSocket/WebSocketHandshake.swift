import COpenSSL
import PluginAPI

/// The server's half of the opening handshake (RFC 6455 §4.2).
enum WebSocketHandshake {
    /// The key of a valid upgrade request.
    ///
    /// - Throws: ``HTTPError`` 400, or 426 for another protocol version.
    static func key(of request: Request) throws(HTTPError) -> String {
        guard request.method == .get else { throw refused("A WebSocket is opened with GET.") }
        guard hasToken("websocket", request.headers.values(for: "upgrade")),
            hasToken("upgrade", request.headers.values(for: "connection"))
        else { throw refused("This is a WebSocket; the request is no upgrade to it.") }
        guard request.headers["sec-websocket-version"] == "13" else {
            throw HTTPError(
                426, "http.websocket_version", "Only WebSocket version 13 is spoken here.",
                headers: ["Sec-WebSocket-Version": "13"])
        }
        let keys = request.headers.values(for: "sec-websocket-key")
        guard keys.count == 1, let key = keys.first, isValid(key: key) else {
            throw refused("Sec-WebSocket-Key must be 16 bytes in Base64.")
        }
        return key
    }

    /// The value of `Sec-WebSocket-Accept`.
    static func accept(for key: String) -> String {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var size: UInt32 = 0
        EVP_Digest(text, text.count, &digest, &size, EVP_sha1(), nil)
        var encoded = [UInt8](repeating: 0, count: 4 * (Int(size) / 3 + 1) + 1)
        let count = EVP_EncodeBlock(&encoded, digest, Int32(size))
        return String(decoding: encoded.prefix(Int(count)), as: UTF8.self)
    }

    private static func refused(_ message: String) -> HTTPError {
        HTTPError(.badRequest, "http.bad_upgrade", message)
    }

    private static func hasToken(_ token: String, _ values: [String]) -> Bool {
        values.contains { value in
            value.split(separator: ",").contains { part in
                HTTPFields.same(String(part).trimmingSpaces, token)
            }
        }
    }

    /// 16 bytes are 22 digits and two signs of padding.
    private static func isValid(key: String) -> Bool {
        let bytes = Array(key.utf8)
        guard bytes.count == 24, bytes.suffix(2).elementsEqual("==".utf8) else { return false }
        return bytes.dropLast(2).allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var part = self[...]
        while let first = part.first, first == " " || first == "\t" { part = part.dropFirst() }
        while let last = part.last, last == " " || last == "\t" { part = part.dropLast() }
        return String(part)
    }
}
