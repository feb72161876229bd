import CCurl
import PluginAPI

/// The header lines of a request as libcurl's list.
struct RequestHeaderLines {
    private(set) var list: UnsafeMutablePointer<curl_slist>?
    private var hasContentType = false

    /// Puts the fields of a request into a list, which the caller frees.
    init(_ request: ClientRequest, userAgent: String) throws {
        for field in try Self.fields(of: request, userAgent: userAgent) {
            if HTTPFields.same(field.name, "content-type") { hasContentType = true }
            // libcurl drops a name that has no value unless it ends with a semicolon.
            add(field.value.isEmpty ? field.name + ";" : field.name + ": " + field.value)
        }
    }

    /// The fields that a request sends besides those of its connection and its body.
    ///
    /// Credentials become a field here instead of libcurl's user name and password, which would bring its negotiation
    /// along, and outlive the request in a handle that is used again.
    ///
    /// - Throws: `invalidURL` for names and values that would break the header.
    static func fields(of request: ClientRequest, userAgent: String) throws -> [HTTPFields.Field] {
        var fields: [HTTPFields.Field] = []
        fields.reserveCapacity(request.headers.fields.count + 2)
        var hasUserAgent = false
        for field in request.headers.fields where !Self.isOurs(field.name) {
            guard HTTPFields.isValid(name: field.name), HTTPFields.isValid(value: field.value) else {
                throw HTTPClientError(.invalidURL, mayHaveBeenProcessed: false, "a header field is not valid")
            }
            if HTTPFields.same(field.name, "authorization"), request.credentials != nil { continue }
            if HTTPFields.same(field.name, "user-agent") { hasUserAgent = true }
            fields.append(field)
        }
        if !hasUserAgent { fields.append(HTTPFields.Field(name: "User-Agent", value: userAgent)) }
        if let credentials = request.credentials {
            fields.append(HTTPFields.Field(name: "Authorization", value: try basic(credentials)))
        }
        return fields
    }

    /// Says how a body is sent, and keeps libcurl from adding fields of its own.
    mutating func describeBody(isChunked: Bool) {
        if isChunked { add("Transfer-Encoding: chunked") }
        if !hasContentType { add("Content-Type:") }
        add("Expect:")
    }

    /// The value of `Authorization` for Basic authentication (RFC 7617).
    static func basic(_ credentials: BasicCredentials) throws -> String {
        guard !credentials.username.utf8.contains(UInt8(ascii: ":")) else {
            throw HTTPClientError(.invalidURL, mayHaveBeenProcessed: false, "the user name has a colon")
        }
        return credentials.password.withExposed { password in
            "Basic " + Base64.encode(Array((credentials.username + ":" + password).utf8))
        }
    }

    /// Fields that belong to the connection or that the client makes itself.
    static func isOurs(_ name: String) -> Bool {
        let ours: [String]
        switch name.utf8.count {
        case 2: ours = ["te"]
        case 4: ours = ["host"]
        case 6: ours = ["expect"]
        case 7: ours = ["upgrade", "trailer"]
        case 10: ours = ["connection", "keep-alive"]
        case 14: ours = ["content-length"]
        case 15: ours = ["accept-encoding"]
        case 16: ours = ["proxy-connection"]
        case 17: ours = ["transfer-encoding"]
        case 19: ours = ["proxy-authorization"]
        default: return false
        }
        return ours.contains { HTTPFields.same($0, name) }
    }

    private mutating func add(_ line: String) {
        if let longer = curl_slist_append(list, line) { list = longer }
    }
}
