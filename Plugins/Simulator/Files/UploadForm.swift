internal import PluginAPI

/// The fields of an upload, read whole: the first of each name counts.
struct UploadForm: Sendable {
    /// One field.
    struct Part: Sendable {
        var name: String
        /// Absent for plain fields.
        var filename: String?
        var content: [UInt8]
    }

    private static let maximumParts = 1000

    private var parts: [Part] = []

    /// Reads a body; one of another type has no fields.
    ///
    /// - Throws: The exception that the real server answers with 500 when the body is broken; ``HTTPError`` 413.
    init(_ request: Request) async throws {
        do {
            let reader = try request.multipart(
                MultipartLimits(totalBytes: Limits.body, parts: Self.maximumParts, fieldBytes: Limits.body))
            while let part = try await reader.next() {
                let content = try await part.body.collect(upTo: Limits.body)
                guard self[part.name] == nil else { continue }
                // Unlike others, the real server leaves the escapes of browsers (%22) in a name.
                let disposition = HeaderParameters(part.headers["content-disposition"] ?? "")
                parts.append(Part(name: part.name, filename: disposition["filename"], content: content))
            }
        } catch let error as HTTPError where error.status == .unsupportedMediaType {
            return
        } catch let error as HTTPError where error.status == .badRequest {
            throw PythonError("ValueError", "malformed multipart body")
        }
    }

    /// The first field of a name.
    subscript(name: String) -> Part? {
        parts.first { $0.name == name }
    }

    /// The text of a field.
    func text(_ name: String) -> String? {
        self[name].map { String(decoding: $0.content, as: UTF8.self) }
    }
}
