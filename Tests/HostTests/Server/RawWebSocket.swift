import Glibc
import Host
import Testing

/// The client's half of a WebSocket by hand, so that it can also be wrong.
struct RawWebSocket: Sendable {
    struct Frame: Equatable {
        var isFinal = true
        var opcode: UInt8
        var payload: [UInt8] = []

        /// The code of a close frame.
        var code: Int? { payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : nil }
    }

    let client: RawClient

    init(port: UInt16, path: String = "/", headers: String = "", receiveBuffer: Int32? = nil) async throws {
        client = try RawClient(port: port, receiveBuffer: receiveBuffer)
        try await client.send(Self.request(path, headers))
        let answer = try await client.readHead()
        try #require(answer.status == 101)
        // The example of RFC 6455 §1.3.
        #expect(answer["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(answer["upgrade"] == "websocket")
        #expect(answer["connection"]?.lowercased() == "upgrade")
    }

    static func request(_ path: String = "/", _ headers: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(headers)\r\n"
    }

    /// The bytes of a frame.
    static func bytes(
        _ opcode: UInt8, _ payload: [UInt8] = [], isFinal: Bool = true, isMasked: Bool = true, reserved: UInt8 = 0
    ) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
        let flag: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case 0..<126: bytes.append(flag | UInt8(payload.count))
        case 126..<65536:
            bytes += [flag | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            bytes.append(flag | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        guard isMasked else { return bytes + payload }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        return bytes + mask + payload.enumerated().map { $0.element ^ mask[$0.offset & 3] }
    }

    func send(_ opcode: UInt8, _ payload: [UInt8] = [], isFinal: Bool = true) async throws {
        try await client.send(Self.bytes(opcode, payload, isFinal: isFinal))
    }

    func close(_ code: Int) async throws {
        try await send(8, [UInt8(code >> 8), UInt8(code & 255)])
    }

    func receive() async throws -> Frame {
        let head = try await client.read(exactly: 2)
        #expect(head[1] & 0x80 == 0, "a server must not mask")
        #expect(head[0] & 0x70 == 0, "no extension was agreed on")
        var length = Int(head[1] & 0x7F)
        if length == 126 {
            length = try await client.read(exactly: 2).reduce(0) { $0 << 8 | Int($1) }
        } else if length == 127 {
            length = try await client.read(exactly: 8).reduce(0) { $0 << 8 | Int($1) }
        }
        return Frame(
            isFinal: head[0] & 0x80 != 0, opcode: head[0] & 15, payload: try await client.read(exactly: length))
    }
}
