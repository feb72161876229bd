public import PluginAPI

extension ComfyClient {
    /// The slowest upload that is waited for, in bytes per second.
    static let slowestUpload = 1 << 20

    /// Stores a file in a folder of the server and replaces one of the same name; the content is streamed.
    ///
    /// - Parameters:
    ///   - file: Its name, subfolder and type (`input` or `temp`); none of them may need escapes in a header, see ``InputName``.
    ///   - length: The size of the content in bytes.
    ///   - source: Gives the content.
    /// - Returns: What the server calls the file.
    /// - Throws: ``ComfyServerError``, ``HTTPClientError``, `CancellationError`; what the source throws.
    public func upload(
        _ file: FileReference, contentType: String, length: Int, source: @escaping HTTPBody.Source
    ) async throws -> FileReference {
        let form = UploadForm(file, contentType: contentType, length: length, source: source)
        let patient = with(timeout: timeout + .seconds(length / Self.slowestUpload))
        let answer = try await patient.send(
            .post, "/upload/image", headers: ["Content-Type": form.contentType], stream: form.body)
        let bytes = try await answer.body.collect(upTo: 1 << 20)
        guard answer.status == .ok else { throw ComfyServerError(status: answer.status, body: bytes) }
        let stored = try Self.parse(bytes)
        guard let name = stored["name"]?.stringValue else {
            throw ComfyServerError(problem: "the answer to an upload has no name")
        }
        return FileReference(
            filename: name, subfolder: stored["subfolder"]?.stringValue ?? "",
            type: stored["type"]?.stringValue ?? "input")
    }
}

/// The form of `POST /upload/image` (RFC 7578): small fields, then the file.
private struct UploadForm {
    let contentType: String
    let body: HTTPBody

    init(_ file: FileReference, contentType type: String, length: Int, source: @escaping HTTPBody.Source) {
        // A random word: no file has it but by a chance of one in 2^122.
        let boundary = "comfyd-" + PromptID.random()
        contentType = "multipart/form-data; boundary=\(boundary)"
        var head = ""
        for (name, value) in [("overwrite", "true"), ("type", file.type), ("subfolder", file.subfolder)] {
            head += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n"
        }
        head += "--\(boundary)\r\nContent-Disposition: form-data; name=\"image\"; filename=\"\(file.filename)\"\r\n"
        head += "Content-Type: \(HTTPFields.isValid(value: type) ? type : "application/octet-stream")\r\n\r\n"
        let reader = Reader(head: Array(head.utf8), source: source, tail: Array("\r\n--\(boundary)--\r\n".utf8))
        body = HTTPBody(length: head.utf8.count + length + "\r\n--\(boundary)--\r\n".utf8.count) {
            try await reader.next()
        }
    }

    /// Gives one part after the other.
    private actor Reader {
        private var head: [UInt8]?
        private var source: HTTPBody.Source?
        private var tail: [UInt8]?

        init(head: [UInt8], source: @escaping HTTPBody.Source, tail: [UInt8]) {
            self.head = head
            self.source = source
            self.tail = tail
        }

        func next() async throws -> [UInt8]? {
            if let head {
                self.head = nil
                return head
            }
            if let source {
                if let piece = try await source() { return piece }
                self.source = nil
            }
            defer { tail = nil }
            return tail
        }
    }
}
