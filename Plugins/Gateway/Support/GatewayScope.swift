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

extension Caller {
    /// The one caller whose jobs a principal may list and change; `nil` when it may do so with all.
    static func limit(of principal: Principal?) -> String? {
        guard let principal, !principal.has(scope: GatewayScope.allJobs) else { return nil }
        return of(principal, clientID: nil, address: nil)
    }

    /// Who acts, for a job's story.
    static func actor(of request: Request) -> String {
        if request.principal?.kind == .admin { return "admin" }
        return of(request.principal, clientID: nil, address: request.clientAddress)
    }
}
