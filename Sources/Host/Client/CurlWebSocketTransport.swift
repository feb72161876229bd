import CCurl
import Glibc

/// The byte stream of a connection that libcurl opened, TLS included.
///
/// Confined to the engine's loop.
final class CurlWebSocketTransport: WebSocketTransport {
    /// The largest TLS record.
    ///
    /// A read of this size takes a whole one, so that no decrypted bytes stay behind where
    /// the loop, which sees only the socket, would not notice them.
    private static let record = 16 << 10

    let descriptor: Int32
    private let operation: WebSocketOpening
    private let isSecure: Bool
    private var isGone = false
    /// A write that the socket did not take yet; OpenSSL wants it again from the same address.
    private var pending = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    init(_ operation: WebSocketOpening, descriptor: Int32, isSecure: Bool) {
        self.operation = operation
        self.descriptor = descriptor
        self.isSecure = isSecure
    }

    deinit {
        pending.deallocate()
    }

    /// Reads until nothing is left or the room is smaller than a TLS record; give it at least one.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult {
        var filled = 0
        while filled == 0 || buffer.count - filled >= Self.record {
            guard let easy = operation.easy, !isGone, let start = buffer.baseAddress, buffer.count > filled else {
                break
            }
            var count = 0
            let code = curl_easy_recv(easy, start + filled, buffer.count - filled, &count)
            if code == CURLE_AGAIN { return filled > 0 ? .bytes(filled) : .wouldBlock }
            guard code == CURLE_OK, count > 0 else {
                isGone = true
                break
            }
            filled += count
            // A plain socket says itself when there is more.
            if !isSecure { break }
        }
        return filled > 0 ? .bytes(filled) : .closed
    }

    /// Writes what fits; after `wouldBlock` the next call begins with the same bytes.
    func write(_ bytes: UnsafeRawBufferPointer) -> TransportResult {
        guard let easy = operation.easy, !isGone, !bytes.isEmpty else { return .closed }
        if !isSecure { return sent(easy, bytes) }
        if pending.isEmpty {
            pending = .allocate(byteCount: min(bytes.count, Self.record), alignment: 16)
            pending.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(pending.count)))
        }
        guard pending.count <= bytes.count else { return .closed }
        let result = sent(easy, UnsafeRawBufferPointer(pending))
        if result != .wouldBlock {
            pending.deallocate()
            pending = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
        return result
    }

    func close() {
        isGone = true
        operation.close()
    }

    /// Makes the stream look like one that the peer broke.
    func cutOff() {
        isGone = true
    }

    private func sent(_ easy: UnsafeMutableRawPointer, _ bytes: UnsafeRawBufferPointer) -> TransportResult {
        var count = 0
        let code = curl_easy_send(easy, bytes.baseAddress, bytes.count, &count)
        if code == CURLE_AGAIN || (code == CURLE_OK && count == 0) { return .wouldBlock }
        guard code == CURLE_OK else {
            isGone = true
            return .closed
        }
        return .bytes(count)
    }
}
