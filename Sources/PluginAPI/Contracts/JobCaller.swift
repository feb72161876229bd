/// Whose job it is: callers take turns in a queue, and a key sees and changes its own jobs only.
public enum JobCaller {
    /// The caller of a request: its API key, else the client id it sent, else its address.
    public static func of(_ principal: Principal?, clientID: String?, address: String?) -> String {
        if let principal, principal.kind == .apiKey { return key(principal.id) }
        if let clientID, !clientID.isEmpty { return "client:" + clientID }
        if let principal { return principal.kind.rawValue + ":" + principal.id }
        return "address:" + (address.flatMap { $0.isEmpty ? nil : $0 } ?? "unknown")
    }

    /// The caller that an API key makes.
    public static func key(_ id: String) -> String { "key:" + id }

    /// Who acts, for a job's story.
    public static func actor(of request: Request) -> String {
        if request.principal?.kind == .admin { return "admin" }
        return of(request.principal, clientID: nil, address: request.clientAddress)
    }

    /// The one caller whose jobs a principal may see and change; `nil` when it may do so with all.
    public static func limit(of principal: Principal?) -> String? {
        guard let principal, !principal.has(scope: JobScope.allJobs) else { return nil }
        return of(principal, clientID: nil, address: nil)
    }

    /// Lets a principal see and change a caller's job; `nil` is the caller of a job that came from elsewhere.
    ///
    /// - Throws: ``HTTPError`` 403 `gateway.not_your_job`.
    public static func check(_ caller: String?, _ principal: Principal?) throws(HTTPError) {
        guard let own = limit(of: principal), own != caller else { return }
        throw HTTPError(
            .forbidden, "gateway.not_your_job",
            "The prompt belongs to somebody else; that needs a key with the scope \(JobScope.allJobs).")
    }
}

/// What API keys may be allowed to do with jobs.
public enum JobScope {
    /// Submit prompts, read about them, change one's own.
    public static let jobs = "jobs"
    /// See and change the jobs of every caller.
    public static let allJobs = "jobs:all"
}

extension Access {
    /// Submitting, reading, cancelling and moving jobs: needs the scope `jobs` where the surface is closed.
    public static var usingJobs: Access { .surfaceScope(JobScope.jobs) }
}
