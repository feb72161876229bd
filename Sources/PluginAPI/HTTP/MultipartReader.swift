extension Request {
    /// Reads the body as a form with files (`multipart/form-data`, RFC 7578), part by part.
    ///
    /// - Throws: ``HTTPError`` 415 `http.unsupported_media_type` for another type or a compressed body, 400 `http.bad_form` for a
    ///   boundary that is missing or longer than 70 bytes, 413 when more than ``MultipartLimits/totalBytes`` are announced.
    public func multipart(_ limits: MultipartLimits) throws -> MultipartReader {
        func refusal(_ words: String, _ headers: HTTPFields) -> HTTPError {
            HTTPError(.unsupportedMediaType, "http.unsupported_media_type", words, headers: headers)
        }
        if let coding = headers["content-encoding"], !HTTPFields.same(coding, "identity") {
            throw refusal("Bodies with a Content-Encoding are not taken.", ["Accept-Encoding": "identity"])
        }
        guard let type = headers["content-type"].map({ HeaderParameters($0) }),
            HTTPFields.same(type.value, "multipart/form-data")
        else { throw refusal("The body must be multipart/form-data.", ["Accept": "multipart/form-data"]) }
        guard let boundary = type["boundary"], !boundary.isEmpty else {
            throw HTTPError.badForm("The Content-Type has no boundary.")
        }
        guard boundary.utf8.count <= MultipartLimits.boundaryBytes, HTTPFields.isValid(value: boundary) else {
            throw HTTPError.badForm("The boundary is longer than \(MultipartLimits.boundaryBytes) bytes, or no text.")
        }
        if let length = body.length, length > limits.totalBytes {
            throw HTTPError.bodyTooLarge(limit: limits.totalBytes)
        }
        return MultipartReader(body, boundary: boundary, limits: limits)
    }
}

/// How much of a form is read.
public struct MultipartLimits: Sendable {
    /// How many parts.
    public var parts: Int
    /// The header of one part, in bytes.
    public var headerBytes: Int
    /// A part that is read with ``MultipartPart/text()``, in bytes.
    public var fieldBytes: Int
    /// The whole body, in bytes.
    public var totalBytes: Int

    /// The longest boundary (RFC 2046 §5.1.1).
    static let boundaryBytes = 70

    /// Sets limits.
    public init(totalBytes: Int, parts: Int = 100, headerBytes: Int = 16 << 10, fieldBytes: Int = 64 << 10) {
        self.totalBytes = totalBytes
        self.parts = parts
        self.headerBytes = headerBytes
        self.fieldBytes = fieldBytes
    }
}

/// One field of a form.
public struct MultipartPart: Sendable {
    /// The field's name.
    public let name: String
    /// What the client calls its file; `nil` for a plain field.
    ///
    /// Not fit to be a path.
    public let filename: String?
    /// The media type, if one is given.
    public let contentType: String?
    /// All header fields of the part.
    public let headers: HTTPFields
    /// The content; can be read until the reader is asked for the next part.
    public let body: HTTPBody

    fileprivate let fieldBytes: Int

    /// Reads the content as text; what is not UTF-8 is replaced by U+FFFD.
    ///
    /// - Throws: ``HTTPError`` 413 `http.form_too_large` above ``MultipartLimits/fieldBytes``; as ``MultipartReader/next()``.
    public func text() async throws -> String {
        var bytes: [UInt8] = []
        for try await piece in body {
            guard bytes.count + piece.count <= fieldBytes else {
                throw HTTPError.formTooLarge("A field is longer than \(fieldBytes) bytes.")
            }
            bytes += piece
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Gives the parts of a form one after the other; never holds more than a piece of the body and one header.
public actor MultipartReader {
    private let pull: HTTPBody.Source
    private let limits: MultipartLimits
    private var parser: MultipartParser
    private var received = 0
    private var count = 0
    private var isAtEnd = false

    init(_ body: HTTPBody, boundary: String, limits: MultipartLimits) {
        pull = body.pulled
        self.limits = limits
        parser = MultipartParser(boundary: boundary, headerLimit: limits.headerBytes)
    }

    /// The next part, `nil` after the last; what was not read of the part before is skipped.
    ///
    /// - Throws: ``HTTPError`` 400 `http.bad_form` when the body is no form or ends too early, 413 above a limit; what reading the
    ///   body throws.
    public func next() async throws -> MultipartPart? {
        while true {
            switch try parser.step() {
            case .more: try await receive()
            case .content, .partEnd: break
            case .header(let headers):
                count += 1
                guard count <= limits.parts else {
                    throw HTTPError.formTooLarge("The form has more than \(limits.parts) parts.")
                }
                return try part(headers, number: count)
            case .end:
                // Whatever follows means nothing, but the peer shall not be cut off while it sends.
                while try await pullPiece() != nil {}
                return nil
            }
        }
    }

    private func part(_ headers: HTTPFields, number: Int) throws -> MultipartPart {
        let disposition = try PartDisposition(headers)
        return MultipartPart(
            name: disposition.name, filename: disposition.filename, contentType: headers["content-type"],
            headers: headers, body: HTTPBody(length: nil) { try await self.piece(of: number) },
            fieldBytes: limits.fieldBytes)
    }

    /// The next piece of a part; `nil` at its end.
    private func piece(of number: Int) async throws -> [UInt8]? {
        while parser.isInContent || number != count {
            guard number == count else {
                throw HTTPError(
                    .internalServerError, "http.part_gone", "A part was read after the one that follows it.")
            }
            switch try parser.step() {
            case .more: try await receive()
            case .content(let bytes): return bytes
            case .header, .partEnd, .end: return nil
            }
        }
        return nil
    }

    private func receive() async throws {
        if let piece = try await pullPiece() { parser.append(piece) } else { try parser.finish() }
    }

    private func pullPiece() async throws -> [UInt8]? {
        guard !isAtEnd, let piece = try await pull() else {
            isAtEnd = true
            return nil
        }
        guard piece.count <= limits.totalBytes - received else {
            throw HTTPError.bodyTooLarge(limit: limits.totalBytes)
        }
        received += piece.count
        return piece
    }
}

extension HTTPError {
    /// 400 `http.bad_form`.
    static func badForm(_ words: String) -> HTTPError { HTTPError(.badRequest, "http.bad_form", words) }

    /// 413 `http.form_too_large`.
    static func formTooLarge(_ words: String) -> HTTPError { HTTPError(.contentTooLarge, "http.form_too_large", words) }
}
