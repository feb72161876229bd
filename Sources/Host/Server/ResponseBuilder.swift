import CMicrohttpd
import Glibc
import PluginAPI
import Synchronization

/// Turns an answer into libmicrohttpd's form; on the loop.
struct ResponseBuilder {
    private let exchange: Exchange

    /// Bodies up to this size are copied next to the header; larger ones stay where they are.
    private static let copied = 16 << 10
    /// The library reads streams of known length through a buffer of its own of this size.
    private static let block = 64 << 10

    init(_ exchange: Exchange) {
        self.exchange = exchange
    }

    /// Whether an answer with this status to this method has a body at all (RFC 9110 §6.4.1).
    static func hasBody(method: String, status: Status) -> Bool {
        method != "HEAD" && status.code >= 200 && status.code != 204 && status.code != 304
    }

    /// An answer of the server itself; streams and files are not for refusals.
    func refusal(_ response: Response) -> Exchange.Reply? {
        var response = response
        switch response.body {
        case .empty, .bytes: break
        default: response.body = .empty
        }
        return whole(response)
    }

    /// An answer whose body is here.
    func whole(_ response: Response) -> Exchange.Reply? {
        guard case .bytes(let bytes) = response.body, !bytes.isEmpty else { return empty(response) }
        if bytes.count <= Self.copied {
            let made = bytes.withUnsafeBytes { buffer in
                MHD_create_response_from_buffer(
                    buffer.count, UnsafeMutableRawPointer(mutating: buffer.baseAddress), .RESPMEM_MUST_COPY)
            }
            return finish(made, response)
        }
        let holder = BytesHolder(bytes)
        return finish(
            MHD_create_response_from_buffer_with_free_callback_cls(
                bytes.count, holder.start, { BytesHolder.release($0) }, Unmanaged.passRetained(holder).toOpaque()),
            response)
    }

    private func empty(_ response: Response) -> Exchange.Reply? {
        // The length that a GET would have, such as a proxied HEAD tells it.
        if !Self.hasBody(method: exchange.head?.method ?? "", status: response.status),
            let text = response.headers["content-length"], let length = UInt64(text), length < UInt64(Int64.max)
        {
            let reader: MHD_ContentReaderCallback = { _, _, _, _ in comfyd_mhd_end_with_error }
            return finish(MHD_create_response_from_callback(length, 1, reader, nil, nil), response)
        }
        return finish(MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT), response)
    }

    /// An answer with a part of a file; takes the descriptor over.
    func file(_ file: ResponseFile, _ response: Response) -> Exchange.Reply? {
        if file.length == 0 {
            close(file.descriptor)
            return finish(MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT), response)
        }
        let made = MHD_create_response_from_fd_at_offset64(
            UInt64(file.length), file.descriptor, UInt64(file.offset))
        if made == nil { close(file.descriptor) }
        return finish(made, response)
    }

    /// An answer that the exchange's stream brings; `nil` for a length that is not known.
    func stream(length: Int?, _ response: Response) -> Exchange.Reply? {
        if length == 0 { return finish(MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT), response) }
        let reader: MHD_ContentReaderCallback = { context, _, buffer, count in
            guard let context, let buffer else { return comfyd_mhd_end_with_error }
            return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
                .take(into: UnsafeMutableRawBufferPointer(start: buffer, count: count))
        }
        let size = length.map { UInt64(max(0, $0)) } ?? comfyd_mhd_size_unknown
        let block = min(Self.block, length ?? Self.copied)
        let pointer = Unmanaged.passRetained(exchange).toOpaque()
        let made = MHD_create_response_from_callback(size, block, reader, pointer) { context in
            if let context { Unmanaged<Exchange>.fromOpaque(context).release() }
        }
        if made == nil { Unmanaged<Exchange>.fromOpaque(pointer).release() }
        return finish(made, response)
    }

    /// The 101 answer of a WebSocket (RFC 6455 §4.2.2).
    func upgrade(_ upgrade: WebSocketUpgrade, key: String) -> Exchange.Reply? {
        let handler: MHD_UpgradeHandler = { _, _, context, extra, count, socket, handle in
            guard let context, let handle else { return }
            Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
                .upgraded(socket: socket, extra: UnsafeRawBufferPointer(start: extra, count: count), handle: handle)
        }
        guard let made = MHD_create_response_for_upgrade(handler, nil) else { return nil }
        MHD_add_response_header(made, "Upgrade", "websocket")
        MHD_add_response_header(made, "Sec-WebSocket-Accept", WebSocketHandshake.accept(for: key))
        var headers = upgrade.acceptance.headers
        headers["Sec-WebSocket-Protocol"] = upgrade.acceptance.subprotocol
        add(headers, to: made)
        MHD_add_response_header(made, "X-Request-Id", exchange.id)
        return .upgrade(made, upgrade)
    }

    private func finish(_ made: OpaquePointer?, _ response: Response) -> Exchange.Reply? {
        guard let made else { return nil }
        add(response.headers, to: made)
        MHD_add_response_header(made, "X-Request-Id", exchange.id)
        if exchange.context.isDraining.load(ordering: .relaxed) {
            MHD_add_response_header(made, "Connection", "close")
        }
        // 1xx is not a final answer.
        let code = response.status.code < 200 ? 500 : response.status.code
        return .response(status: UInt32(code), made)
    }

    private func add(_ headers: HTTPFields, to made: OpaquePointer) {
        for field in headers.fields {
            if Self.isOurs(field, made) { continue }
            guard HTTPFields.isValid(name: field.name), HTTPFields.isValid(value: field.value) else {
                exchange.context.logger.warning(
                    "An answer's header field is invalid and left out",
                    ["request_id": exchange.id, "target": exchange.head?.target ?? ""])
                continue
            }
            // The library refuses empty values; white space around a value is not part of it.
            MHD_add_response_header(made, field.name, field.value.isEmpty ? " " : field.value)
        }
    }

    /// Fields that belong to the connection and not to the answer; `Connection: close` is honoured.
    private static func isOurs(_ field: HTTPFields.Field, _ made: OpaquePointer) -> Bool {
        switch field.name.utf8.count {
        case 7: return HTTPFields.same(field.name, "upgrade")
        case 10:
            if HTTPFields.same(field.name, "connection") {
                if HTTPFields.same(field.value, "close") { MHD_add_response_header(made, "Connection", "close") }
                return true
            }
            return HTTPFields.same(field.name, "keep-alive")
        case 12: return HTTPFields.same(field.name, "x-request-id")
        case 14: return HTTPFields.same(field.name, "content-length")
        case 17: return HTTPFields.same(field.name, "transfer-encoding")
        default: return false
        }
    }
}

/// Keeps the storage of an array in place while the library sends it.
private final class BytesHolder {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// A native array never moves or changes its storage while somebody holds it unchanged, as this object does.
    var start: UnsafeMutableRawPointer? {
        bytes.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
    }

    static func release(_ context: UnsafeMutableRawPointer?) {
        if let context { Unmanaged<BytesHolder>.fromOpaque(context).release() }
    }
}
