import CMicrohttpd
import PluginAPI

/// Request line and header fields of one request, checked (RFC 9112 §3, §6).
struct RequestHead {
    /// How the length of the body is told.
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
    }

    let method: String
    let version: String
    /// Origin form, escapes kept.
    private(set) var target: String
    private(set) var headers = HTTPFields()
    private(set) var framing = Framing.none
    /// A usable `X-Request-Id` of the client.
    private(set) var requestID: String?
    /// Why the request is refused; the framing is not to be trusted then.
    private(set) var problem: HTTPError?

    init(
        connection: OpaquePointer, method: UnsafePointer<CChar>, version: UnsafePointer<CChar>, target: String,
        limit: Int
    ) {
        self.method = String(cString: method)
        self.version = String(cString: version)
        self.target = target
        let collector = HeaderCollector()
        withExtendedLifetime(collector) {
            _ = MHD_get_connection_values_n(
                connection, .HEADER_KIND, HeaderCollector.iterator, Unmanaged.passUnretained(collector).toOpaque())
        }
        headers = HTTPFields(collector.fields)
        if let id = collector.requestID, Self.isUsable(id: id) { requestID = id }
        let size = comfyd_mhd_header_size(connection)
        if comfyd_mhd_header_ends_well(method, size, headers.fields.last?.value.isEmpty == false ? 0 : 1) == 0 {
            problem = Self.malformed("The header does not end with CR LF CR LF.")
        } else if size > limit {
            problem = HTTPError(
                .requestHeaderFieldsTooLarge, "http.header_too_large",
                "Request line and header are larger than \(limit) bytes.")
        } else {
            problem = check(collector)
        }
    }

    private mutating func check(_ collector: HeaderCollector) -> HTTPError? {
        guard HTTPFields.isValid(name: method) else { return Self.malformed("The method is not a token.") }
        guard !collector.isMalformed else { return Self.malformed("A header field is malformed.") }
        guard let origin = Self.originForm(of: target) else {
            return Self.malformed("The request target is malformed.")
        }
        target = origin
        if collector.hosts > 1 || (collector.hosts == 0 && version != "HTTP/1.0") {
            return Self.malformed("There must be one Host field.")
        }
        if collector.hasTransferEncoding {
            guard collector.lengths.isEmpty, version != "HTTP/1.0" else {
                return Self.malformed("Content-Length and Transfer-Encoding exclude each other.")
            }
            guard collector.codings.count == 1, let coding = collector.codings.first,
                HTTPFields.same(coding, "chunked")
            else {
                return HTTPError(.notImplemented, "http.transfer_coding", "Only the chunked transfer coding is known.")
            }
            framing = .chunked
        } else if let first = collector.lengths.first {
            guard collector.lengths.allSatisfy({ $0 == first }), let length = Self.length(first) else {
                return Self.malformed("Content-Length is malformed.")
            }
            framing = length == 0 ? .none : .length(length)
        }
        return nil
    }

    private static func malformed(_ message: String) -> HTTPError {
        HTTPError(.badRequest, "http.bad_request", message)
    }

    /// Digits only; a number that does not fit is a number that no limit allows.
    private static func length(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text) ?? .max
    }

    /// The path and query of a target in origin, absolute or asterisk form; `nil` for anything else.
    private static func originForm(of target: String) -> String? {
        guard target.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else { return nil }
        if target.utf8.first == UInt8(ascii: "/") || target == "*" { return target }
        for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
            let rest = target.dropFirst(scheme.count)
            guard let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
            return rest[end] == "/" ? String(rest[end...]) : "/" + rest[end...]
        }
        return nil
    }

    private static func isUsable(id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

/// Takes the header fields from libmicrohttpd and notes those that decide about framing.
private final class HeaderCollector {
    var fields: [HTTPFields.Field] = []
    var requestID: String?
    var hosts = 0
    var lengths: [String] = []
    var codings: [String] = []
    var isMalformed = false

    var hasTransferEncoding: Bool { !codings.isEmpty }

    init() {
        fields.reserveCapacity(12)
    }

    static let iterator: MHD_KeyValueIteratorN = { context, _, key, keySize, value, valueSize in
        guard let context else { return .YES }
        let collector = Unmanaged<HeaderCollector>.fromOpaque(context).takeUnretainedValue()
        collector.add(
            UnsafeRawBufferPointer(start: key, count: key == nil ? 0 : keySize),
            UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueSize))
        return .YES
    }

    private func add(_ rawName: UnsafeRawBufferPointer, _ rawValue: UnsafeRawBufferPointer) {
        var end = rawValue.count
        while end > 0, rawValue[end - 1] == 32 || rawValue[end - 1] == 9 { end -= 1 }
        let isPadded = end < rawValue.count
        let rawValue = UnsafeRawBufferPointer(rebasing: rawValue[..<end])
        if !Self.isToken(rawName) || rawValue.contains(where: { ($0 < 32 && $0 != 9) || $0 == 127 }) {
            isMalformed = true
        }
        let name = String(decoding: rawName, as: UTF8.self)
        let value = String(decoding: rawValue, as: UTF8.self)
        fields.append(HTTPFields.Field(name: name, value: value))
        switch rawName.count {
        case 4 where HTTPFields.same(name, "host"): hosts += 1
        case 12 where HTTPFields.same(name, "x-request-id"): requestID = value
        case 14 where HTTPFields.same(name, "content-length"): lengths.append(value)
        case 17 where HTTPFields.same(name, "transfer-encoding"):
            // With white space behind it the library does not know the coding and would read the body without end.
            codings.append(isPadded ? value + " " : value)
        default: break
        }
    }

    private static func isToken(_ bytes: UnsafeRawBufferPointer) -> Bool {
        !bytes.isEmpty
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
                    UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
                    true
                default: false
                }
            }
    }
}
