import Glibc

/// A certificate chain with its key, both PEM text.
struct TLSCertificate: Sendable {
    let chain: [UInt8]
    let key: [UInt8]

    /// Reads the files of a listener; `nil` for plain HTTP.
    ///
    /// - Throws: ``ListenError`` naming the file.
    init?(_ listener: HTTPServerConfiguration.Listener) throws {
        switch (listener.certificate, listener.key) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            chain = try Self.read(certificate, for: listener)
            self.key = try Self.read(key, for: listener)
        default:
            throw ListenError(
                address: "\(listener.address):\(listener.port)", reason: "certificate and key go together")
        }
    }

    /// Lends both texts as C strings.
    static func withText<R>(
        of certificate: TLSCertificate?, _ body: (UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> R
    ) -> R {
        guard let certificate else { return body(nil, nil) }
        return (certificate.chain + [0]).withUnsafeBufferPointer { chain in
            (certificate.key + [0]).withUnsafeBufferPointer { key in
                chain.withMemoryRebound(to: CChar.self) { chain in
                    key.withMemoryRebound(to: CChar.self) { key in body(chain.baseAddress, key.baseAddress) }
                }
            }
        }
    }

    private static func read(_ path: String, for listener: HTTPServerConfiguration.Listener) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ListenError(
                address: "\(listener.address):\(listener.port)", reason: "\(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let limit = 1 << 20
        return [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while count < limit {
                let got = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), limit - count)
                if got <= 0 { break }
                count += got
            }
        }
    }
}
