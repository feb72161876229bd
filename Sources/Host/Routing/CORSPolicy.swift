import PluginAPI

/// Which web pages of other origins may read answers (the Fetch standard's CORS protocol).
package struct CORSPolicy: Sendable {
    /// Origins for routes that are open or on a surface the seeds leave open; `*` is any.
    package var openOrigins: [String]
    /// Origins for all other routes.
    package var protectedOrigins: [String]
    /// Whether named origins may send cookies and HTTP authentication; never said together with `*`.
    package var allowsCredentials: Bool
    /// How long a browser may remember a preflight.
    package var maxAge: Duration

    /// Makes a policy.
    package init(
        openOrigins: [String] = ["*"], protectedOrigins: [String] = [], allowsCredentials: Bool = false,
        maxAge: Duration = .seconds(600)
    ) {
        self.openOrigins = openOrigins
        self.protectedOrigins = protectedOrigins
        self.allowsCredentials = allowsCredentials
        self.maxAge = maxAge
    }
}

/// The policy of one kind of route, made once.
struct CORSRule: Sendable {
    private let allowsAll: Bool
    private let origins: Set<String>
    private let allowsCredentials: Bool
    private let maxAge: String

    static let requestHeaders = "Content-Type, Authorization, X-API-Key, Comfy-User, X-Request-Id"
    static let exposedHeaders =
        "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
        + "Content-Disposition, Content-Range, ETag"

    init(origins: [String], policy: CORSPolicy) {
        allowsAll = origins.contains("*")
        self.origins = Set(origins)
        allowsCredentials = policy.allowsCredentials && !allowsAll
        maxAge = String(max(0, policy.maxAge.components.seconds))
    }

    /// Adds to an answer what its reader's page needs; an answer that has the fields already keeps them.
    func apply(to headers: inout HTTPFields, for request: Request) {
        // Constant for everybody, so that a cache may give the answer to a page that sends an Origin.
        if allowsAll {
            guard !headers.contains("Access-Control-Allow-Origin") else { return }
            headers.append("Access-Control-Allow-Origin", "*")
            if request.headers.contains("Origin") { expose(in: &headers) }
            return
        }
        guard !origins.isEmpty else { return }
        Self.addVary(to: &headers)
        guard let origin = request.headers["Origin"], origins.contains(origin),
            !headers.contains("Access-Control-Allow-Origin")
        else { return }
        headers.append("Access-Control-Allow-Origin", origin)
        if allowsCredentials { headers.append("Access-Control-Allow-Credentials", "true") }
        expose(in: &headers)
    }

    /// Adds the answers to a preflight.
    func applyPreflight(to headers: inout HTTPFields, allowed: String) {
        headers.append("Access-Control-Allow-Methods", allowed)
        headers.append("Access-Control-Allow-Headers", Self.requestHeaders)
        headers.append("Access-Control-Max-Age", maxAge)
    }

    /// Whether a page of that origin may ask.
    func allows(_ origin: String) -> Bool {
        allowsAll || origins.contains(origin)
    }

    private func expose(in headers: inout HTTPFields) {
        headers.append("Access-Control-Expose-Headers", Self.exposedHeaders)
    }

    private static func addVary(to headers: inout HTTPFields) {
        let names = headers.values(for: "Vary").flatMap { $0.split(separator: ",") }
        let isThere = names.contains { name in
            let name = String(name.drop { $0 == " " })
            return name == "*" || HTTPFields.same(name, "Origin")
        }
        if !isThere { headers.append("Vary", "Origin") }
    }
}
