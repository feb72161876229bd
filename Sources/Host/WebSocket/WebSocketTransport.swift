/// The byte stream below a WebSocket connection: an upgraded server connection, or a client's socket with its TLS.
///
/// Used on the connection's loop alone.
package protocol WebSocketTransport: AnyObject {
    /// The descriptor to watch for readiness.
    var descriptor: Int32 { get }
    /// Reads what is there.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult
    /// Writes what fits.
    func write(_ bytes: UnsafeRawBufferPointer) -> TransportResult
    /// Closes the stream; called once, after the descriptor is no longer watched.
    func close()
}

/// What became of a read or write.
package enum TransportResult: Sendable, Equatable {
    /// So many bytes, at least one.
    case bytes(Int)
    /// Nothing now; ask again when the descriptor is ready.
    case wouldBlock
    /// The peer is gone.
    case closed
}
