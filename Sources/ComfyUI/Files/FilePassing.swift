public import PluginAPI

/// Hands a file of a ComfyUI server on to a client as it comes: ranges, conditions and the body's stream.
public enum FilePassing {
    /// Request headers that travel to the server.
    private static let forwarded = [
        "Range", "If-Range", "If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since", "Accept",
    ]
    /// Answer headers that travel back.
    private static let returned = [
        "Content-Type", "Content-Encoding", "Content-Disposition", "Content-Range", "Accept-Ranges", "ETag",
        "Last-Modified", "Cache-Control", "Expires", "Vary",
    ]
    /// Bodies up to this size are read whole: one send instead of two, and no stream.
    private static let wholeBody = 64 << 10

    /// The whole file, for the document of the API.
    public static var schema: JSON { ["contentMediaType": "*/*"] }

    /// What a server says of a file besides, for the document of the API.
    public static var answers: [AnswerDoc] {
        [
            AnswerDoc(206, "The part that `Range` asked for.", schema: schema),
            AnswerDoc(304, "The file is the one that the caller has."),
            AnswerDoc(412, "The file is not the one that the caller named."),
            AnswerDoc(416, "The file has no such part."),
        ]
    }

    /// The headers of a client's request that the server should see.
    public static func headers(of request: Request) -> HTTPFields {
        var headers = HTTPFields()
        for name in forwarded {
            if let value = request.headers[name] { headers[name] = value }
        }
        return headers
    }

    /// The server's answer with its status, its describing headers and its body; as a stream unless it is small.
    ///
    /// - Throws: ``HTTPClientError`` when a small body does not come whole.
    public static func response(_ answer: ClientResponse) async throws -> Response {
        var headers = HTTPFields()
        for field in answer.headers.fields where returned.contains(where: { HTTPFields.same($0, field.name) }) {
            headers.append(field.name, field.value)
        }
        disarm(&headers)
        guard answer.body.length != 0, answer.status != .notModified else {
            return Response(status: answer.status, headers: headers)
        }
        let body = answer.body
        if let length = body.length, length <= wholeBody {
            return Response(status: answer.status, headers: headers, body: .bytes(try await whole(body, length)))
        }
        return Response(
            status: answer.status, headers: headers,
            body: .stream(length: body.length) { writer in
                for try await piece in body { try await writer.write(piece) }
            })
    }

    /// Keeps a file of a workflow from running scripts in the name of this daemon.
    public static func disarm(_ headers: inout HTTPFields) {
        headers.append("X-Content-Type-Options", "nosniff")
        let type = headers["Content-Type"]?.lowercased() ?? ""
        if ["html", "svg", "xml", "javascript"].contains(where: { type.mentions($0) }) {
            headers.append("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
        }
    }

    /// A `Content-Disposition` that lets a browser save the file under its name (RFC 6266, RFC 8187).
    public static func attachment(_ filename: String) -> String {
        var plain = ""
        for scalar in filename.unicodeScalars {
            let isPlain = scalar.isASCII && scalar.value >= 0x20 && scalar.value != 0x7F
            plain.unicodeScalars.append(isPlain && !["\"", "\\", "%"].contains(scalar) ? scalar : "_")
        }
        guard plain != filename else { return "attachment; filename=\"\(plain)\"" }
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(PercentEncoding.encode(filename))"
    }

    /// Reads a small body, which mostly came together with the header.
    private static func whole(_ body: HTTPBody, _ length: Int) async throws -> [UInt8] {
        let bytes = try await body.collect(upTo: length)
        guard bytes.count == length else {
            throw HTTPClientError(.connection, mayHaveBeenProcessed: true, "only a part of the file came")
        }
        return bytes
    }
}

extension FileReference {
    /// The file that a query as that of `GET /view` names; the type is `output` unless there is one.
    public init(viewing query: QueryItems, _ filename: String) {
        var options: [String: String] = [:]
        for name in ["preview", "channel"] { options[name] = query[name] }
        let type = query["type"].flatMap { $0.isEmpty ? nil : $0 } ?? "output"
        self.init(filename: filename, subfolder: query["subfolder"] ?? "", type: type, options: options)
    }

    /// Whether its name and its subfolder lead nowhere else.
    public var staysInFolder: Bool {
        let folders = subfolder.utf8.split(separator: UInt8(ascii: "/"))
        return filename.utf8.first != UInt8(ascii: "/") && !filename.mentions("..")
            && subfolder.utf8.first != UInt8(ascii: "/") && !folders.contains { $0.elementsEqual("..".utf8) }
            && !filename.utf8.contains(0) && !subfolder.utf8.contains(0)
    }
}

extension String {
    /// Whether a word is somewhere in it, byte for byte; ten times as fast as `contains`, which compares characters.
    fileprivate func mentions(_ word: String) -> Bool {
        let word = word.utf8
        var rest = utf8[...]
        while rest.count >= word.count {
            if rest.starts(with: word) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
