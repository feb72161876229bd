/// The reading end of an answer's body; when it goes, the rest of the transfer is given up.
final class CurlBodyReader: Sendable {
    private let transfer: CurlTransfer

    init(_ transfer: CurlTransfer) {
        self.transfer = transfer
    }

    deinit {
        let transfer = transfer
        transfer.engine.later { transfer.cancel() }
    }

    /// The next piece, `nil` at the end.
    func next() async throws -> [UInt8]? {
        let transfer = transfer
        if transfer.engine.loop.isCurrent, let piece = try transfer.takePiece() { return piece.isEmpty ? nil : piece }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                transfer.engine.run { transfer.waitForPiece(waiter) }
            }
        } onCancel: {
            transfer.engine.later { transfer.cancel() }
        }
    }
}
