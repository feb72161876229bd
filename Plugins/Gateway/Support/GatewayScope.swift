import PluginAPI

/// What API keys may be allowed to do on the gateway's surface.
enum GatewayScope {
    /// Submit prompts, read about them, change one's own.
    static let jobs = "jobs"
    /// See and change the jobs of every caller.
    static let allJobs = "jobs:all"
    /// Manage workers and settings.
    static let workers = "workers"
}

extension Access {
    /// Submitting, reading, cancelling and moving: needs the scope `jobs` where the surface is closed.
    static let usingJobs = Access.surfaceScope(GatewayScope.jobs)
    /// Changing workers and settings: needs the scope `workers` where the surface is closed.
    static let managingWorkers = Access.surfaceScope(GatewayScope.workers)
}

extension OperationDocs {
    /// What a key without the scope `jobs:all` is told about the jobs of others.
    static let notYours = (status: 403, reason: "It is somebody else's, and the key lacks the scope jobs:all.")
}

extension Caller {
    /// The one caller whose jobs a principal may see and change; `nil` when it may do so with all.
    static func limit(of principal: Principal?) -> String? {
        guard let principal, !principal.has(scope: GatewayScope.allJobs) else { return nil }
        return of(principal, clientID: nil, address: nil)
    }

    /// Lets a principal see and change a job.
    ///
    /// - Throws: ``HTTPError`` 403 `gateway.not_your_job`.
    static func check(_ job: Job, _ principal: Principal?) throws(HTTPError) {
        guard let own = limit(of: principal), own != job.caller else { return }
        throw HTTPError(
            .forbidden, "gateway.not_your_job",
            "The prompt belongs to somebody else; that needs a key with the scope \(GatewayScope.allJobs).")
    }

    /// Who acts, for a job's story.
    static func actor(of request: Request) -> String {
        if request.principal?.kind == .admin { return "admin" }
        return of(request.principal, clientID: nil, address: request.clientAddress)
    }
}
