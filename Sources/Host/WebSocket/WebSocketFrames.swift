import CLinux
import CWslay
import Glibc
import PluginAPI

/// wslay's C interface: contexts, callbacks and messages.
enum WebSocketFrames {
    /// Makes a context whose callbacks go to the connection; `nil` without memory.
    static func make(_ role: WebSocketConnection.Role, _ maximumMessageSize: Int, _ user: UnsafeMutableRawPointer)
        -> OpaquePointer?
    {
        var callbacks = wslay_event_callbacks()
        callbacks.recv_callback = receive
        callbacks.send_callback = send
        callbacks.genmask_callback = mask
        callbacks.on_msg_recv_callback = message
        var context: OpaquePointer?
        let code =
            role == .server
            ? wslay_event_context_server_init(&context, &callbacks, user)
            : wslay_event_context_client_init(&context, &callbacks, user)
        guard code == 0, let context else { return nil }
        // Control frames count against the limit too, and may have 125 bytes.
        wslay_event_config_set_max_recv_msg_length(context, UInt64(max(125, maximumMessageSize)))
        return context
    }

    private static func connection(_ user: UnsafeMutableRawPointer?) -> WebSocketConnection? {
        user.map { Unmanaged<WebSocketConnection>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let receive: wslay_event_recv_callback = { context, buffer, size, _, user in
        let target = UnsafeMutableRawBufferPointer(start: buffer, count: size)
        if let count = WebSocketFrames.connection(user)?.give(to: target) { return count }
        wslay_event_set_error(context, Int32(WSLAY_ERR_WOULDBLOCK.rawValue))
        return -1
    }

    private static let send: wslay_event_send_callback = { context, bytes, size, _, user in
        let source = UnsafeRawBufferPointer(start: bytes, count: size)
        if let count = WebSocketFrames.connection(user)?.take(source) { return count }
        wslay_event_set_error(context, Int32(WSLAY_ERR_WOULDBLOCK.rawValue))
        return -1
    }

    private static let mask: wslay_event_genmask_callback = { _, buffer, size, _ in
        guard let buffer else { return -1 }
        return getrandom(buffer, size, 0) == size ? 0 : -1
    }

    private static let message: wslay_event_on_msg_recv_callback = { _, argument, user in
        guard let argument = argument?.pointee, let connection = WebSocketFrames.connection(user) else { return }
        let bytes = UnsafeRawBufferPointer(start: argument.msg, count: argument.msg_length)
        switch argument.opcode {
        case UInt8(WSLAY_TEXT_FRAME.rawValue):
            connection.received(.text(String(decoding: bytes, as: UTF8.self)))
        case UInt8(WSLAY_BINARY_FRAME.rawValue): connection.received(.binary(Array(bytes)))
        default: break
        }
    }

    /// Copies a message into the queue; false when the connection takes no more.
    static func queue(_ message: WebSocketMessage, _ context: OpaquePointer) -> Bool {
        switch message {
        case .binary(let bytes):
            return bytes.withUnsafeBufferPointer { queue(UInt8(WSLAY_BINARY_FRAME.rawValue), $0, context) }
        case .text(var text):
            return text.withUTF8 { queue(UInt8(WSLAY_TEXT_FRAME.rawValue), $0, context) }
        @unknown default: return false
        }
    }

    static func queuePing(_ context: OpaquePointer) {
        _ = queue(UInt8(WSLAY_PING.rawValue), UnsafeBufferPointer(start: nil, count: 0), context)
    }

    private static func queue(_ opcode: UInt8, _ bytes: UnsafeBufferPointer<UInt8>, _ context: OpaquePointer) -> Bool {
        var message = wslay_event_msg(opcode: opcode, msg: bytes.baseAddress, msg_length: bytes.count)
        return wslay_event_queue_msg(context, &message) == 0
    }

    /// A whole close frame with 1002.
    static func protocolErrorClose(_ role: WebSocketConnection.Role) -> [UInt8] {
        // Masked with zeros: nothing in it is the peer's.
        role == .server ? [0x88, 2, 0x03, 0xEA] : [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xEA]
    }

    /// A code that may stand in a close frame (RFC 6455 §7.4).
    static func usable(code: UInt16) -> UInt16 {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: code
        default: 1000
        }
    }

    /// At most 123 bytes of UTF-8.
    static func usable(reason: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in reason.unicodeScalars {
            let next = Array(String(scalar).utf8)
            if bytes.count + next.count > 123 { break }
            bytes += next
        }
        return bytes
    }
}
