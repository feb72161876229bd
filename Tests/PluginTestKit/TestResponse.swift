import Glibc
package import PluginAPI
import Synchronization

/// A whole answer, its body read.
package struct TestResponse: Sendable {
    package var status: Status
    package var headers: HTTPFields
    package var body: [UInt8]
    /// What a streamed body threw, which a client would see as a broken connection.
    package var bodyError: (any Error)?

    /// The body as JSON; `nil` when it is none.
    package var json: JSON? { try? JSON(parsing: body) }
    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }

    /// Reads an answer; for `HEAD` there is no body, as on the wire.
    package init(_ response: Response, method: HTTPMethod = .get) async {
        status = response.status
        headers = response.headers
        body = []
        guard method != .head else { return }
        switch response.body {
        case .empty: break
        case .bytes(let bytes): body = bytes
        case .file(let path, let offset, let length): body = Self.file(path, offset, length)
        case .stream(_, let write):
            let writer = CollectingWriter()
            do { try await write(writer) } catch { bodyError = error }
            body = writer.bytes
        @unknown default: break
        }
    }

    private static func file(_ path: String, _ offset: Int, _ length: Int?) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = pread(descriptor, &buffer, buffer.count, offset + bytes.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return Array(bytes.prefix(length ?? bytes.count))
    }
}

/// Keeps what a streamed body writes.
private final class CollectingWriter: BodyWriter {
    private let kept = Mutex<[UInt8]>([])

    var bytes: [UInt8] { kept.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        kept.withLock { $0 += bytes }
    }
}
