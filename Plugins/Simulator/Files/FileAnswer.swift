internal import PluginAPI

/// Serves bytes with ranges and conditions as aiohttp does (RFC 9110 §13 and §14, with its peculiarities).
struct FileAnswer: Sendable {
    let size: Int
    let etag: String
    /// Nanoseconds since 1970.
    let modified: Int64
    let headers: HTTPFields
    /// Gives a part of the content: offset and length.
    let body: @Sendable (Int, Int) -> ResponseBody

    /// The answer to a request.
    func response(to request: Request) -> Response {
        let seconds = modified / 1_000_000_000
        if let tags = request.headers["if-match"], !matches(tags) {
            return Response(status: 412, headers: headers)
        }
        if let since = request.headers["if-unmodified-since"].flatMap(HTTPDate.seconds), seconds > since {
            return Response(status: 412, headers: headers)
        }
        if isUnchanged(for: request, seconds) { return unchanged(seconds) }
        guard let text = wantedRange(of: request, seconds) else { return full(seconds) }
        guard let range = Self.range(text, size: size) else {
            var refused = headers
            refused["Content-Range"] = "bytes */\(size)"
            return Response(status: .rangeNotSatisfiable, headers: refused, body: .stream(length: nil) { _ in })
        }
        var response = full(seconds)
        response.status = .partialContent
        response.headers["Content-Range"] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
        response.body = body(range.lowerBound, range.count)
        return response
    }

    private func isUnchanged(for request: Request, _ seconds: Int64) -> Bool {
        if let tags = request.headers["if-none-match"] { return matches(tags) }
        guard let since = request.headers["if-modified-since"].flatMap(HTTPDate.seconds) else { return false }
        return seconds <= since
    }

    private func matches(_ tags: String) -> Bool {
        tags.split(separator: ",").contains { part in
            let tag = part.drop { $0 == " " }
            return tag.hasPrefix("*") || tag.hasPrefix(etag) || tag.hasPrefix("W/" + etag)
        }
    }

    /// The range to serve: `If-Range` counts only when it is a date.
    private func wantedRange(of request: Request, _ seconds: Int64) -> String? {
        if let date = request.headers["if-range"].flatMap(HTTPDate.seconds), seconds > date { return nil }
        return request.headers["range"]
    }

    private func unchanged(_ seconds: Int64) -> Response {
        Response(status: .notModified, headers: withValidators(seconds, acceptsRanges: false))
    }

    private func full(_ seconds: Int64) -> Response {
        Response(headers: withValidators(seconds, acceptsRanges: true), body: body(0, size))
    }

    private func withValidators(_ seconds: Int64, acceptsRanges: Bool) -> HTTPFields {
        var fields = headers
        fields["Etag"] = etag
        fields["Last-Modified"] = HTTPDate.text(seconds)
        if acceptsRanges { fields["Accept-Ranges"] = "bytes" }
        return fields
    }

    /// The bytes of a `Range` header; `nil` when it is malformed, names several ranges or lies outside.
    static func range(_ text: String, size: Int) -> Range<Int>? {
        guard text.hasPrefix("bytes=") else { return nil }
        let parts = text.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
            return nil
        }
        let last = parts[1].isEmpty ? nil : Int(parts[1]) ?? .max
        guard let first = parts[0].isEmpty ? nil : Int(parts[0]) ?? .max else {
            guard let last, last > 0, size > 0 else { return nil }
            return max(0, size - last)..<size
        }
        guard first < size, last.map({ $0 >= first }) ?? true else { return nil }
        return first..<min(size, (last ?? .max) == .max ? size : (last ?? 0) + 1)
    }
}
