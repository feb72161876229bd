import PluginAPI

/// A request's body as it goes to libcurl.
enum CurlRequestBody {
    case none
    case bytes([UInt8])
    case stream(HTTPBody)
}

/// Pulls a streamed request body piece by piece, each when libcurl has taken the one before.
///
/// Confined to the engine's loop.
// The unchecked conformance holds because all is used on the loop's thread alone.
final class CurlUpload: @unchecked Sendable {
    /// What there is for libcurl.
    enum Fill {
        case bytes(Int)
        case wait
        case end
    }

    private let body: HTTPBody
    private var piece: [UInt8] = []
    private var offset = 0
    private var total = 0
    private var isAtEnd = false
    private var task: Task<Void, Never>?
    private var waiter: CheckedContinuation<Bool, Never>?
    private weak var transfer: CurlTransfer?

    init(_ body: HTTPBody) {
        self.body = body
    }

    /// Starts pulling.
    func start(for transfer: CurlTransfer) {
        self.transfer = transfer
        let engine = transfer.engine
        let body = body
        task = Task(executorPreference: engine.loop) { [weak self] in
            do {
                for try await piece in body {
                    guard await self?.offer(piece) == true else { return }
                }
                engine.run { [weak self] in self?.finish() }
            } catch {
                engine.run { [weak self] in self?.transfer?.end(error) }
            }
        }
    }

    /// Stops pulling.
    func cancel() {
        task?.cancel()
        task = nil
        waiter?.resume(returning: false)
        waiter = nil
        transfer = nil
    }

    /// Copies what is there.
    func fill(_ room: UnsafeMutableRawBufferPointer) -> Fill {
        let count = min(room.count, piece.count - offset)
        if count > 0 {
            piece.withUnsafeBytes { bytes in
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
            }
            offset += count
        }
        if offset == piece.count {
            waiter?.resume(returning: true)
            waiter = nil
        }
        if count > 0 { return .bytes(count) }
        return isAtEnd ? .end : .wait
    }

    /// Hands over a piece and waits until libcurl took it; says whether to go on.
    private func offer(_ piece: [UInt8]) async -> Bool {
        guard let engine = transfer?.engine else { return false }
        return await withCheckedContinuation { waiter in
            engine.run { self.accept(piece, waiter) }
        }
    }

    private func accept(_ piece: [UInt8], _ waiter: CheckedContinuation<Bool, Never>) {
        guard let transfer else {
            waiter.resume(returning: false)
            return
        }
        total += piece.count
        if let length = body.length, total > length {
            waiter.resume(returning: false)
            transfer.end(transfer.failure(.connection, "the request's body is longer than announced"))
            return
        }
        self.piece = piece
        offset = 0
        self.waiter = waiter
        resumeSending(transfer)
    }

    private func finish() {
        guard let transfer else { return }
        if let length = body.length, total < length {
            transfer.end(transfer.failure(.connection, "the request's body is shorter than announced"))
            return
        }
        isAtEnd = true
        resumeSending(transfer)
    }

    private func resumeSending(_ transfer: CurlTransfer) {
        guard transfer.isSendingPaused else { return }
        transfer.isSendingPaused = false
        transfer.updatePause()
    }
}
