import CCurl
import PluginAPI

/// What libcurl's callbacks answer when they give up the transfer: any count but the one they were given.
private let refusal = 0

func curlHeaderArrived(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let context, let bytes else { return refusal }
    let transfer = transfer(context)
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    switch transfer.head.take(line, limit: transfer.engine.settings.maxResponseHeaderBytes) {
    case .more: break
    case .complete:
        if let easy = transfer.easy { transfer.headArrived(easy) }
    case .refused(let reason, let words):
        transfer.verdict = transfer.failure(reason, words)
        return refusal
    }
    return line.count
}

func curlBodyArrived(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let context, let bytes, size * count > 0 else { return 0 }
    let transfer = transfer(context)
    guard transfer.head.isComplete else {
        transfer.verdict = transfer.failure(.connection, "the peer sent no complete header")
        return refusal
    }
    let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return transfer.receive(piece) ? piece.count : Int(CURL_WRITEFUNC_PAUSE)
}

func curlWantsBody(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let context, let bytes, size * count > 0 else { return 0 }
    let transfer = transfer(context)
    let room = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
    switch transfer.upload?.fill(room) {
    case .bytes(let count): return count
    case .wait:
        transfer.isSendingPaused = true
        return Int(CURL_READFUNC_PAUSE)
    case .end: return 0
    case nil: return Int(CURL_READFUNC_ABORT)
    }
}

func curlIsAboutToSend(
    context: UnsafeMutableRawPointer?, peer: UnsafeMutablePointer<CChar>?, _: UnsafeMutablePointer<CChar>?,
    port: Int32, _: Int32
) -> Int32 {
    guard let context, let peer else { return CURL_PREREQFUNC_ABORT }
    let transfer = transfer(context)
    guard transfer.maySend(to: peer, port: port) else { return CURL_PREREQFUNC_ABORT }
    guard let easy = transfer.easy, transfer.mayAttempt(easy) else { return CURL_PREREQFUNC_ABORT }
    return CURL_PREREQFUNC_OK
}

/// The transfer behind a callback's context; the engine holds it for as long as its handle is attached.
private func transfer(_ context: UnsafeMutableRawPointer) -> CurlTransfer {
    Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
}
