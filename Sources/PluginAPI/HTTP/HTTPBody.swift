internal import Synchronization

/// A body that is read once, piece by piece: of a request a client sends, or of an answer a worker gives.
///
/// Reading is what lets the peer send more: a body nobody reads costs one buffer.
public struct HTTPBody: AsyncSequence, Sendable {
    /// A piece, never empty.
    public typealias Element = [UInt8]

    /// Gives the next piece, `nil` at the end; throws when the peer went away or sent too much.
    public typealias Source = @Sendable () async throws -> [UInt8]?

    /// Bytes announced by `Content-Length`; `nil` when unknown.
    public let length: Int?

    private let whole: [UInt8]?
    private let source: Source?

    /// A body that is already here.
    public init(_ bytes: [UInt8] = []) {
        length = bytes.count
        whole = bytes
        source = nil
    }

    /// A body that is pulled from a source; the source is called by one task at a time.
    public init(length: Int?, source: @escaping Source) {
        self.length = length
        self.source = source
        whole = nil
    }

    /// Reads all of it.
    ///
    /// - Throws: ``HTTPError`` 413 `http.body_too_large` as soon as more than `limit` bytes are announced or seen.
    public func collect(upTo limit: Int) async throws -> [UInt8] {
        if let length, length > limit { throw HTTPError.bodyTooLarge(limit: limit) }
        if let whole { return whole }
        var bytes: [UInt8] = []
        if let length { bytes.reserveCapacity(length) }
        for try await piece in self {
            guard bytes.count + piece.count <= limit else { throw HTTPError.bodyTooLarge(limit: limit) }
            bytes.append(contentsOf: piece)
        }
        return bytes
    }

    /// The same as a source, for readers that are no loops.
    var pulled: Source {
        if let source { return source }
        let whole = Mutex(whole ?? [])
        return {
            whole.withLock { bytes in
                defer { bytes = [] }
                return bytes.isEmpty ? nil : bytes
            }
        }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(whole: whole, source: source)
    }

    /// Gives the pieces in order.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var whole: [UInt8]?
        private let source: Source?

        init(whole: [UInt8]?, source: Source?) {
            self.whole = whole
            self.source = source
        }

        /// The next piece, `nil` at the end.
        public mutating func next() async throws -> [UInt8]? {
            if let source { return try await source() }
            defer { whole = nil }
            guard let whole, !whole.isEmpty else { return nil }
            return whole
        }
    }
}
